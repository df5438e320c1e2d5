"""No route changes or reveals anything about a ticket that its caller cannot see.

Each request is tested with a hidden ticket, and then again with a visible one, to prove that it
would have changed something.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from dejabug.access.principals import EmailUser
from dejabug.infra.job_queue import QUEUES
from dejabug.jira.webhook_events import sign
from dejabug.records.types import ClipStatus
from dejabug.records.verdicts import Verdict
from dejabug.search import search
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.worker import jobs
from support.forge_app import ForgeApp
from support.jira_site import Site
from support.parts import use_settings
from support.slack_site import SECRET as SLACK_SECRET
from support.slack_site import TOKEN as SLACK_TOKEN
from support.slack_site import Desk, Slack, mounted
from support.webhooks import EVENT, SECRET, body

PUBLIC = "https://dejabug.example"
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# What is kept of callers, of calls and of the service, and not of tickets.
OF_CALLERS = (
    "dejabug:sight:",
    "dejabug:reader:",
    "dejabug:person:",
    "dejabug:rate:",
    "dejabug:token",
    "dejabug:session:",
    "dejabug:slack:",
    "dejabug:jira-asked",
    "dejabug:account",
    "dejabug:webhook-refused",
    "dejabug:index-home",
    "dejabug:index-name",
)
HIDDEN = ("level", "project", "moved")


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {
        **environment,
        **forge.environment(PUBLIC),
        "DEJABUG_SLACK_SIGNING_SECRET": SLACK_SECRET,
        "DEJABUG_SLACK_BOT_TOKEN": SLACK_TOKEN,
        "DEJABUG_API_REQUESTS_PER_MINUTE": "10000",
    }


@dataclass(frozen=True)
class Try:
    """A request; `refused` is how its answer says that there is no such ticket here."""

    method: str
    path: str
    options: dict[str, Any]
    refused: Callable[[Any], bool] = lambda answer: answer.status_code == 404


class World:
    """A ticket that the tester may see, and one that they may not while it is hidden; each has a
    clip that could not be read."""

    def __init__(self, services: Services, jira: Site, forge: ForgeApp, clip: Path) -> None:
        self.services, self.jira, self.forge = services, jira, forge
        self.flask: Flask = create_app(services)
        self.users = jira.app.extensions["store"].users
        # Our own account sees all, and may ask Jira about others.
        self.users["bot"].admin, self.users["bot"].levels = True, ["Secret"]
        self.mine, self.other = (
            str(jira.issue(jira.file(project, f"a bug of {project}"))["id"])
            for project in ("GAME", "OTHER")
        )
        for key in ("GAME", "OTHER"):
            jira.attach(f"{key}-1", clip, f"{key}.mp4")
        jobs.sync_issue(self.mine, True)
        self._tokens = {
            projects: services.tokens.create("tess", projects.split(), verdicts=True)[0]
            for projects in ("GAME", "GAME OTHER", "GAME OTHER SECRET")
        }
        self.session = services.sessions.begin(EmailUser("tess@studio.example"))
        self.show()

    def show(self) -> None:
        """The other ticket is open to the tester, and to their token; we were told."""
        self._projects, self.users["tester"].projects = "GAME OTHER SECRET", None
        self._issue.security = None
        jobs.sync_issue(self.other, True)
        self._a_minute_passes()

    def hide(self, how: str) -> None:
        """The other ticket is hidden from the tester and their token, and we were not told."""
        if how == "level":
            self._issue.security = "Secret"
        elif how == "project":
            self._projects, self.users["tester"].projects = "GAME", ["GAME"]
        else:
            road = f"/rest/standin/issues/{self.other}/move"
            self.jira.call("POST", road, "admin", json={"project": "SECRET"})
            self._projects, self.users["tester"].projects = "GAME OTHER", ["GAME", "OTHER"]
        self._a_minute_passes()

    @property
    def clip(self) -> str:
        """The other ticket's clip."""
        (clip_id,) = self.services.collections.active.catalogue.clip_ids_of(self.other)
        return clip_id

    @property
    def other_key(self) -> str:
        """The other ticket's key, as we know it."""
        record = self.services.collections.active.catalogue.issue(self.other)
        assert record is not None
        return record.key

    @property
    def _issue(self) -> Any:
        return self.jira.app.extensions["store"].issues[self.other]

    def reset(self) -> None:
        """Nothing waits, the clips could not be read, and nobody said anything."""
        for name in QUEUES:
            self.services.queues.get(name).empty()
        for issue_id in (self.mine, self.other):
            for clip in self.services.collections.active.catalogue.clips_of(issue_id):
                self.services.collections.active.catalogue.put_clip(
                    replace(clip, status=ClipStatus.FAILED, reason="x")
                )
            self.services.records.verdicts.forget_issue(issue_id)
            self.services.records.comments.mute(issue_id, False)

    def send(self, tried: Try) -> Any:
        """Make a request."""
        client = self.flask.test_client(use_cookies=False)  # those that are given, and no jar
        return client.open(tried.path, method=tried.method, **tried.options)

    def kept(self) -> dict[bytes, bytes | None]:
        """All that Redis has, but for what is of callers only."""
        ours = [
            key
            for key in self.services.redis.scan_iter()
            if not key.decode().startswith(("rq:worker", *OF_CALLERS))
        ]
        return {key: self.services.redis.dump(key) for key in ours}

    def _a_minute_passes(self) -> None:
        """What Jira said of readers counts no more."""
        for prefix in ("sight", "person"):
            for key in self.services.redis.scan_iter(f"dejabug:{prefix}:*"):
                self.services.redis.delete(key)

    # Who calls

    def viewer(self, json: Any) -> dict[str, Any]:
        """The tester, at the panel."""
        return {"headers": self.forge.headers("tester"), "json": json}

    def holder(self) -> dict[str, Any]:
        """Who holds the token."""
        return {"headers": {"Authorization": f"Bearer {self._tokens[self._projects]}"}}

    def member(self) -> dict[str, Any]:
        """The tester, signed in by email."""
        cookie = f"dejabug_session={self.session}"
        return {"headers": {"Origin": PUBLIC, "Cookie": cookie}}


@pytest.fixture
def world(cold_services: Services, jira: Site, forge: ForgeApp, tmp_path: Path) -> World:
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"no video")
    return World(cold_services, jira, forge, clip)


def verdicts(world: World) -> Iterator[Try]:
    """On the hidden ticket, and about it on one that is not hidden."""
    for here, there in ((world.other, world.mine), (world.mine, world.other)):
        for same in (True, False):
            asked = world.viewer({"other": there, "same": same})
            yield Try("POST", f"/forge/v1/issues/{here}/verdicts", asked)


def api_verdicts(world: World) -> Iterator[Try]:
    """The same by key: on the hidden ticket, and about it on one that is not hidden."""
    mine, other = "GAME-1", world.other_key
    for who in (world.holder, world.member):
        for here, there in ((other, mine), (mine, other)):
            for same in (True, False):
                asked = {**who(), "json": {"other": there, "same": same}}
                yield Try("POST", f"/api/v1/issues/{here}/verdicts", asked)


def mutes(world: World) -> Iterator[Try]:
    for muted in (True, False):
        world.services.records.comments.mute(world.other, not muted)
        asked = world.viewer({"muted": muted})
        yield Try("PUT", f"/forge/v1/issues/{world.other}/mute", asked)


def again(world: World) -> Iterator[Try]:
    yield Try("POST", f"/forge/v1/issues/{world.other}/again", world.viewer({}))


def retry(world: World) -> Iterator[Try]:
    for who in (world.holder, world.member):
        yield Try("POST", f"/api/v1/clips/{world.clip}/retry", who())


def retry_all(world: World) -> Iterator[Try]:
    """With nothing left of what the caller may see."""
    (mine,) = world.services.collections.active.catalogue.clips_of(world.mine)
    for who in (world.holder, world.member):
        world.services.collections.active.catalogue.put_clip(
            replace(mine, status=ClipStatus.INDEXED, reason="")
        )
        yield Try("POST", "/api/v1/clips/retry", who(), lambda answer: answer.json["queued"] == 0)


# The addresses that write about tickets.
OF_TICKETS: dict[str, Callable[[World], Iterator[Try]]] = {
    "POST /forge/v1/issues/<issue_id>/verdicts": verdicts,
    "PUT /forge/v1/issues/<issue_id>/mute": mutes,
    "POST /forge/v1/issues/<issue_id>/again": again,
    "POST /api/v1/issues/<key>/verdicts": api_verdicts,
    "POST /api/v1/clips/<clip_id>/retry": retry,
    "POST /api/v1/clips/retry": retry_all,
}
# Those that do not: why they are safe, and the tests that show it.
OF_NO_TICKET = {
    "POST /webhooks/jira": "Jira's own word, signed; test_only_jira_itself_tells_of_tickets",
    "POST /slack/events": "asks and shares; test_slack_writes_nothing_about_tickets",
    "POST /forge/v1/issues/<issue_id>/heat-maps": "asks about two clips; test_heat_maps.py",
    "POST /api/v1/search/clip": "keeps a clip of the caller's; test_uploads_are_their_callers",
    "DELETE /api/v1/jobs/<job_id>": "forgets that clip; test_uploads_are_their_callers",
    "POST /sign-in": "begins a session; test_security.py, test_sign_in.py",
    "POST /sign-out": "ends it; test_security.py, test_pages.py",
}


def writing(flask: Flask) -> dict[str, str]:
    """Every method and address that may write, and a path of each."""
    return {
        f"{method} {rule.rule}": rule.rule
        for rule in flask.url_map.iter_rules()
        for method in (rule.methods or set()) & UNSAFE
    }


def test_every_address_that_writes_is_tried_here(world: World) -> None:
    """Who adds one says here what it may write about, and tries it on a hidden ticket."""
    assert set(writing(world.flask)) == OF_TICKETS.keys() | OF_NO_TICKET.keys()


@pytest.mark.parametrize("how", HIDDEN)
def test_nothing_is_written_about_a_ticket_that_its_caller_may_not_see(
    world: World, how: str
) -> None:
    world.hide(how)
    world.reset()
    for tries in OF_TICKETS.values():
        for tried in tries(world):
            before = world.kept()
            answer = world.send(tried)
            assert tried.refused(answer), (tried, answer.text)
            assert world.kept() == before, tried
    world.show()
    for tries in OF_TICKETS.values():
        world.reset()
        for tried in tries(world):
            before = world.kept()
            answer = world.send(tried)
            assert answer.status_code in (200, 202), (tried, answer.text)
            assert not tried.refused(answer), tried
            assert world.kept() != before, tried
            world.reset()


def test_a_hidden_ticket_and_one_that_does_not_exist_get_the_same_answer(world: World) -> None:
    """So that nobody learns by trying to write which tickets there are."""
    world.hide("level")
    for tries in (verdicts, api_verdicts, mutes, again, retry):
        for tried in tries(world):
            there = world.send(tried)
            gone = str(tried.options.get("json"))
            names = {world.clip: "999999", world.other: "999999", world.other_key: "OTHER-999"}
            (name,) = [each for each in names if each in f"{tried.path} {gone}"][:1]
            options = dict(tried.options)
            if name in gone:
                options["json"] = {**options["json"], "other": names[name]}
            path = tried.path.replace(name, names[name])
            absent = world.send(replace(tried, path=path, options=options))
            assert (path, options) != (tried.path, tried.options)
            told = [{**answer.get_json(), "trace": ""} for answer in (there, absent)]
            assert (there.status_code, told[0]) == (absent.status_code, told[1]), tried


def test_nobody_writes_anything_without_saying_who_they_are(world: World) -> None:
    world.reset()
    world.services.records.comments.mute(world.other, True)
    before = world.kept()
    numbers = {"key": "GAME-1", "issue_id": world.other, "clip_id": world.clip, "job_id": "0" * 32}
    for address, rule in writing(world.flask).items():
        path = rule
        for name, number in numbers.items():
            path = path.replace(f"<{name}>", number)
        assert "<" not in path, address
        for options in ({"json": {"other": world.mine, "same": False, "muted": False}}, {}):
            answer = world.send(Try(address.split()[0], path, options))
            assert answer.status_code in (401, 403, 404), (address, answer.text)
            assert world.kept() == before, address


def test_only_jira_itself_tells_of_tickets(world: World) -> None:
    world.reset()
    event = body(issue={**EVENT["issue"], "id": world.other})
    for signature in ("", "sha256=00", sign("another secret", event)):
        before = world.kept()
        headers = {"X-Hub-Signature": signature, **world.holder()["headers"]}
        said = {"data": event, "headers": headers}
        assert world.send(Try("POST", "/webhooks/jira", said)).status_code == 401
        assert world.kept() == before
    said = {"data": event, "headers": {"X-Hub-Signature": sign(SECRET, event)}}
    assert world.send(Try("POST", "/webhooks/jira", said)).status_code == 202
    assert world.kept() != before


def test_uploads_are_their_callers(world: World) -> None:
    def sent(query: str = "") -> Any:
        headers = {**world.holder()["headers"], "Prefer": "respond-async"}
        file = {"file": (io.BytesIO(b"no video"), "a.mp4")}
        said = {"headers": headers, "data": file, "content_type": "multipart/form-data"}
        return world.send(Try("POST", f"/api/v1/search/clip{query}", said))

    world.hide("project")
    world.reset()
    before = world.kept()
    assert sent("?project=OTHER").status_code == 403
    assert world.kept() == before
    job = sent().headers["Location"]
    waiting = world.kept()
    assert waiting != before
    stranger = world.services.tokens.create("tess", ["GAME"])[0]
    strangers = ({"headers": {"Authorization": f"Bearer {stranger}"}}, world.member())
    for who in strangers:
        assert world.send(Try("DELETE", job, who)).status_code == 404
        assert world.kept() == waiting
    assert world.send(Try("DELETE", job, world.holder())).status_code == 204
    assert world.kept() != waiting


def test_slack_writes_nothing_about_tickets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PATIENCE", 0.1)  # no worker answers, and none needs to
    world.hide("level")
    world.reset()
    key = world.jira.issue(world.other)["key"]
    slack = Slack()
    desk = Desk(mounted(world.services, slack, world.flask), slack)
    action = {"block_id": "b", "type": "button"}
    before = world.kept()
    try:
        told = [desk.ask(key), desk.ask(f"not {key}"), desk.ask(f"mute {key}")]
        for name in ("dejabug_share", "dejabug_next"):
            pressed = {**action, "action_id": name, "value": world.other}
            told.append(desk.interact(type="block_actions", actions=[pressed]))
    finally:
        slack.close()
    assert world.kept() == before
    assert {each["response_type"] for each in told} == {"ephemeral"}
    assert "a bug of OTHER" not in str(told)


# What is only read


def similar(world: World) -> Iterator[Try]:
    world.services.records.comments.mute(
        world.other, True
    )  # what is told is about the ticket itself
    path = f"/forge/v1/issues/{world.other}/similar"
    yield Try("GET", path, {"headers": world.forge.headers("tester")})


def clip(world: World) -> Iterator[Try]:
    for who in (world.holder, world.member):
        yield Try("GET", f"/api/v1/clips/{world.clip}", who())


def clips(world: World) -> Iterator[Try]:
    for who in (world.holder, world.member):
        yield Try("GET", f"/api/v1/clips?id={world.clip}&id=999999", who())


def status(world: World) -> Iterator[Try]:
    for who in (world.holder, world.member):
        yield Try("GET", "/api/v1/status", who())


# The routes that show tickets without a search.
TELLING: dict[str, Callable[[World], Iterator[Try]]] = {
    "/forge/v1/issues/<issue_id>/similar": similar,
    "/api/v1/clips/<clip_id>": clip,
    "/api/v1/clips": clips,
    "/api/v1/status": status,
}
# All others that are read: what they tell, and the tests of that.
READ = {
    "/api/v1/search": "what is found; test_search.py, test_slack.py",
    "/api/v1/issues/<key>/similar": "what is found; test_search.py, test_sign_in.py",
    "/api/v1/jobs/<job_id>": "what is found for an upload; test_api.py",
    "/api/v1/heat-maps": "what two clips have in common; test_heat_maps.py",
    "/media/<token>/pictures/<name>.jpg": "pictures; test_leaks.py, test_api.py",
    "/media/<token>/sheet.jpg": "pictures; test_web_media.py, test_leaks.py",
    "/media/<token>/video.mp4": "previews; test_leaks.py, test_previews.py",
    "/media/<path:_anything>": "nothing",
    "/": "a page without results",
    "/status": "a page without clips",
    "/sign-in": "a form",
    "/sign-in/oidc": "the provider's address",
    "/sign-in/oidc/callback": "whether somebody may come in",
    "/help/score": "the same text for everybody; test_pages.py",
    "/healthz": "nothing of tickets",
    "/readyz": "nothing of tickets",
    "/readyz/webhooks": "nothing of tickets",
    "/api/v1/openapi.json": "a file",
    "/api/v1/docs": "a file",
    "/api/v1/docs/start.js": "a file",
    "/api/v1/docs/<name>": "a file",
    "/pages/<path:filename>": "a file",
    "/static/<path:filename>": "a file",
}


def test_every_address_that_is_read_is_thought_of_here(world: World) -> None:
    """Who adds one says here what it tells, and tries it on a hidden ticket."""
    read = {rule.rule for rule in world.flask.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert read == TELLING.keys() | READ.keys()


@pytest.mark.parametrize("how", HIDDEN)
def test_nothing_is_told_of_a_ticket_that_its_caller_may_not_see(world: World, how: str) -> None:
    def told(tried: Try) -> list[str]:
        text = world.send(tried).text
        key = str(world.jira.issue(world.other)["key"])
        return [words for words in (key, "a bug of OTHER", "OTHER.mp4") if words in text]

    world.hide(how)
    world.reset()
    for tries in TELLING.values():
        for tried in tries(world):
            assert told(tried) == [], tried
    world.show()
    for tries in TELLING.values():
        for tried in tries(world):
            assert told(tried), tried


@pytest.mark.parametrize("how", HIDDEN)
def test_no_note_is_told_of_a_ticket_that_its_caller_may_not_see(world: World, how: str) -> None:
    (clip,) = world.services.collections.active.catalogue.clips_of(world.other)
    noted = replace(clip, status=ClipStatus.INDEXED, reason="only the first half", frames=1)
    world.services.collections.active.catalogue.put_clip(noted)
    world.services.media.thumbnails.write(clip.id, [0.0], np.zeros((1, 90, 160, 3), np.uint8))

    def told(tried: Try) -> list[Any]:
        found: list[Any] = world.send(tried).json["noted"]
        return found

    for tried in status(world):
        (shown,) = told(tried)
        assert (shown["note"], shown["filename"]) == ("only the first half", "OTHER.mp4")
        sheet = Try("GET", shown["sheet"].removeprefix(PUBLIC), {})
        assert world.send(sheet).content_type == "image/jpeg"
    world.hide(how)
    for tried in status(world):
        assert told(tried) == []
        assert world.send(sheet).status_code == 404


# Comments in Jira


def said(world: World, text: str) -> str:
    """Comment on the ticket that everybody sees, and have it obeyed; our answer."""
    path = f"/rest/api/2/issue/{world.mine}/comment"
    made = world.jira.call("POST", path, json={"body": text})
    jobs.obey(world.mine, made["id"])
    return world.services.records.comments.note(world.mine)


@pytest.mark.parametrize("how", HIDDEN)
def test_a_command_in_a_comment_writes_nothing_about_a_ticket_that_its_readers_may_not_see(
    world: World, how: str
) -> None:
    """Who comments is not asked of Jira: what may be named to every reader is what counts.
    tests/stories/test_leaks.py has `why`."""
    key = world.jira.issue(world.other)["key"]
    world.hide(how)
    for verb in ("not", "mute", "again"):
        world.reset()
        answer = said(world, f"/dejabug {verb} {key}")
        assert list(world.services.records.verdicts.all()) == [], verb
        assert not world.services.records.comments.muted(world.other), verb
        assert world.services.records.comments.note(world.other) == "", verb
        (clip,) = world.services.collections.active.catalogue.clips_of(world.other)
        assert clip.status is ClipStatus.FAILED, verb
        queued = [job.args for name in QUEUES for job in world.services.queues.get(name).jobs]
        assert not any(args[0] in (world.other, world.clip) for args in queued), verb
        unknown = said(world, f"/dejabug {verb} NONE-999")
        assert answer.replace(key, "KEY") == unknown.replace("NONE-999", "KEY")


def test_not_is_remembered_of_a_ticket_that_every_reader_may_see(world: World) -> None:
    key = world.jira.issue(world.other)["key"]
    grouped = world.services.settings.model_copy(update={"project_groups": "GAME,OTHER"})
    use_settings(world.services, grouped)
    world.reset()
    said(world, f"/dejabug not {key}")
    (verdict,) = world.services.records.verdicts.all()
    assert replace(verdict, at=0.0) == Verdict(world.mine, world.other, False, "person")

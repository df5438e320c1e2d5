"""The panel's data: real Flask app, Redis and index, and Jira as its viewer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from dejabug.cli.doctor import Check, examine
from dejabug.infra.errors import UserError
from dejabug.records.projects import Rules
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web import forge as forge_module
from dejabug.worker import jobs
from dejabug.worker.warm_worker import WarmWorker
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.forge_app import OTHER_APP, ForgeApp
from support.jira_site import Site
from support.parts import use_settings
from support.tickets import history, tell
from support.workers import work


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {**environment, **forge.environment()}


@pytest.fixture
def pair(services: Services, jira: Site, clips: Path) -> tuple[str, str, str]:
    """An old ticket's key, a new one's of the same bug, and the new one's id."""
    (old, *_) = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    key = jira.file("GAME", "cows in a herd", clips / COWS[2])
    return old, key, tell(services, jira, key)


def ask(client: FlaskClient, app: ForgeApp, issue_id: str, who: str = "tester") -> Any:
    return client.get(f"/forge/v1/issues/{issue_id}/similar", headers=app.headers(who))


def keys(answer: Any) -> list[str]:
    return [match["key"] for match in answer.get_json()["matches"]]


def test_the_panel_shows_what_matches_with_moments_and_media(
    client: FlaskClient, forge: ForgeApp, pair: tuple[str, str, str], services: Services
) -> None:
    old, key, issue_id = pair
    answer = ask(client, forge, issue_id)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert (told["issue"], told["state"]) == ({"id": issue_id, "key": key}, "ready")
    assert told["progress"] == {"done": 2, "total": 2}
    assert (told["muted"], told["failed"], told["link_type"]) == (False, [], "Duplicate")
    first = told["matches"][0]
    assert first["created"].startswith("20")
    assert (first["reporter"], first["assignee"]) == ("Tess Tester", None)
    assert first["key"] == old
    assert first["by"] == "clip"
    assert [each["kind"] for each in first["reasons"]] == ["pictures", "words", "nearest"]
    assert first["there"]["filename"] == COWS[0]
    assert first["there"]["times"] == services.media.thumbnails.times(first["there"]["clip_id"])
    moment = first["moments"][0]
    assert moment["there_at"] in first["there"]["times"]
    assert moment["here_at"] in first["here"]["times"]
    # The addresses work for this viewer, without any header.
    for end, at in (("here", moment["here_at"]), ("there", moment["there_at"])):
        path = first[end]["media"].removeprefix("https://dejabug.example")
        picture = client.get(f"{path}/pictures/{round(at * 1000)}.jpg")
        assert picture.status_code == 200
        assert picture.data[:2] == b"\xff\xd8"


def test_a_panel_that_asks_again_and_again_is_ranked_once(
    client: FlaskClient, forge: ForgeApp, pair: tuple[str, str, str], services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    old, _, issue_id = pair
    services.rankings.forget(issue_id)
    ranked: list[str] = []
    rank = services.similar_issues.rank
    monkeypatch.setattr(
        services.similar_issues, "rank", lambda *given: ranked.append("once") or rank(*given)
    )
    told = [ask(client, forge, issue_id).get_json()["matches"] for _ in range(4)]
    assert ranked == ["once"]
    for each in told[1:]:
        for match, first in zip(each, told[0], strict=True):
            assert {**match, "here": 0, "there": 0} == {**first, "here": 0, "there": 0}
    assert told[0][0]["key"] == old
    services.scheduler.suggest(issue_id)  # something changed
    ask(client, forge, issue_id)
    assert len(ranked) == 2


def test_clips_get_ready_to_be_watched(
    client: FlaskClient, forge: ForgeApp, pair: tuple[str, str, str], services: Services
) -> None:
    _, _, issue_id = pair
    ask(client, forge, issue_id)
    work(services, previews=True)
    first = ask(client, forge, issue_id).get_json()["matches"][0]
    assert (first["here"]["video"], first["there"]["video"]) == ("ready", "ready")
    path = first["there"]["media"].removeprefix("https://dejabug.example")
    part = client.get(f"{path}/video.mp4", headers={"Range": "bytes=4-11"})
    assert part.status_code == 206
    assert part.data[:4] == b"ftyp"


def test_an_issue_that_was_not_read_yet_is_unknown_but_to_those_who_may_see_it(
    client: FlaskClient, forge: ForgeApp, jira: Site
) -> None:
    issue_id = jira.issue(jira.file("GAME", "just filed"))["id"]
    assert ask(client, forge, issue_id).get_json()["state"] == "unknown"
    jira.app.extensions["store"].users["tester"].projects = []
    assert ask(client, forge, issue_id).status_code == 404


@pytest.mark.parametrize("issue_id", ["²", "١", "1" * 5000, "GAME-1", "-1"])
def test_an_id_that_is_none_is_an_issue_that_is_not_there(
    client: FlaskClient, forge: ForgeApp, issue_id: str
) -> None:
    assert ask(client, forge, issue_id).status_code == 404


def test_indexing_shows_progress_and_failed_clips_their_reason(
    client: FlaskClient,
    forge: ForgeApp,
    services: Services,
    jira: Site,
    clips: Path,
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    key = jira.file("GAME", "s", clips / COWS[0], broken)
    issue_id = jira.issue(key)["id"]
    jobs.sync_issue(issue_id, True)
    told = ask(client, forge, issue_id).get_json()
    assert (told["state"], told["progress"]) == ("indexing", {"done": 0, "total": 3})
    work(services)
    told = ask(client, forge, issue_id).get_json()
    assert told["state"] == "ready"
    assert told["failed"][0]["filename"] == "broken.mp4"
    assert "not_a_video" not in told["failed"][0]["reason"]


def test_a_panel_that_asked_while_its_clip_was_read_shows_what_matches_at_once(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, clips: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A panel asks no more once its issue is ready: that answer must not be of a moment before."""
    (old, *_) = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    key = jira.file("GAME", "cows in a herd", clips / COWS[2])
    issue_id = jira.issue(key)["id"]
    jobs.sync_issue(issue_id, True)
    first = ask(client, forge, issue_id).get_json()
    assert (first["state"], [match["by"] for match in first["matches"]].count("clip")) == (
        "indexing",
        0,
    )
    # It asks again after the clip is done, and before its ranking is dropped and made again.
    monkeypatch.setattr(services.rankings, "forget", lambda _issue_id: None)
    WarmWorker([services.queues.get("clips")], services.redis).work(burst=True)
    told = ask(client, forge, issue_id).get_json()
    assert told["state"] == "ready"
    assert (told["matches"][0]["key"], told["matches"][0]["by"]) == (old, "clip")


def test_a_project_that_is_off_shows_nothing_and_a_quiet_one_the_panel_only(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, clips: Path
) -> None:
    services.records.projects.put("GAME", Rules("quiet"))
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    issue_id = tell(services, jira, key)
    assert jira.comments(key) == []
    assert keys(ask(client, forge, issue_id)) == [old]
    services.records.projects.put("GAME", Rules("off"))
    told = ask(client, forge, issue_id).get_json()
    assert (told["state"], told["matches"]) == ("off", [])


def test_a_ticket_without_a_clip_finds_clips_by_its_words(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, clips: Path
) -> None:
    old = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    same = jira.issue(old[0])["fields"]["summary"]
    issue_id = tell(services, jira, jira.file("GAME", same))
    told = ask(client, forge, issue_id).get_json()
    assert told["clips"] == 0
    first = told["matches"][0]
    assert (first["key"], first["by"], first["here"]) == (old[0], "words", None)
    assert first["there"]["filename"] == COWS[0]


def test_not_similar_hides_the_pair_for_good_on_both_issues(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, pair: tuple[str, str, str]
) -> None:
    old, key, issue_id = pair
    assert f"[{old}|" in jira.comments(key)[0]["body"]
    other = jira.issue(old)["id"]
    said = client.post(
        f"/forge/v1/issues/{issue_id}/verdicts",
        json={"other": other, "same": False},
        headers=forge.headers(),
    )
    assert said.get_json() == {"saved": True}
    work(services)
    assert old not in keys(ask(client, forge, issue_id))
    assert all(f"[{old}|" not in comment["body"] for comment in jira.comments(key))
    assert key not in keys(ask(client, forge, other))


def test_muting_takes_the_comment_away_and_unmuting_brings_it_back(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, pair: tuple[str, str, str]
) -> None:
    _, key, issue_id = pair
    address = f"/forge/v1/issues/{issue_id}/mute"
    assert client.put(address, json={"muted": True}, headers=forge.headers()).status_code == 200
    work(services)
    assert jira.comments(key) == []
    told = ask(client, forge, issue_id).get_json()
    assert (told["muted"], told["matches"]) == (True, [])
    client.put(address, json={"muted": False}, headers=forge.headers())
    work(services)
    assert len(jira.comments(key)) == 1


def test_looking_again_tries_failed_clips_again(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, clips: Path
) -> None:
    issue_id = jira.issue(jira.file("GAME", "s", clips / COWS[0]))["id"]
    small = services.settings.model_copy(update={"clip_max_bytes": 1000})
    usual = services.settings
    use_settings(services, small)
    jobs.sync_issue(issue_id, True)
    work(services)
    assert ask(client, forge, issue_id).get_json()["failed"]
    use_settings(services, usual)
    answer = client.post(f"/forge/v1/issues/{issue_id}/again", json={}, headers=forge.headers())
    assert answer.status_code == 202
    work(services)
    assert ask(client, forge, issue_id).get_json()["failed"] == []


@pytest.mark.parametrize(
    "body", [None, [], {}, {"other": 7, "same": True}, {"other": "7", "same": "yes"}]
)
def test_a_verdict_that_is_no_verdict_gets_400_that_says_what_to_change(
    client: FlaskClient, forge: ForgeApp, body: Any
) -> None:
    answer = client.post("/forge/v1/issues/1/verdicts", json=body, headers=forge.headers())
    assert answer.status_code == 400
    assert answer.content_type == "application/json"  # else Forge would hide what it says
    assert answer.get_json()["detail"]


# Whose call it is


def test_a_call_without_our_app_s_valid_token_is_refused(
    client: FlaskClient, forge: ForgeApp, pair: tuple[str, str, str]
) -> None:
    _, _, issue_id = pair
    now = int(time.time())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = forge.claims()
    tokens = {
        "another app's": forge.token(forge.claims(aud=OTHER_APP)),
        "ours among others": forge.token(forge.claims(aud=[OTHER_APP, good["aud"]])),
        "expired": forge.token(forge.claims(exp=now - 60)),
        "not valid yet": forge.token(forge.claims(nbf=now + 600)),
        "another issuer's": forge.token(forge.claims(iss="forge/other")),
        "signed by a stranger": forge.token(good, key=stranger),
        "signed by a stranger's key": forge.token(good, key=stranger, key_id="strange"),
        "without an end": forge.token({n: v for n, v in good.items() if n != "exp"}),
        "nobody's": forge.token(forge.claims(principal=None)),
        "another principal's": forge.token(forge.claims("account:tester")),
        "not signed": _unsigned(good),
        "no token": "x",
    }
    for what, token in tokens.items():
        headers = {**forge.headers(), "Authorization": f"Bearer {token}"}
        answer = client.get(f"/forge/v1/issues/{issue_id}/similar", headers=headers)
        assert answer.status_code == 401, what
        assert "matches" not in answer.get_json(), what
    without = {"x-forge-oauth-user": "test-token-tester"}
    assert client.get(f"/forge/v1/issues/{issue_id}/similar", headers=without).status_code == 401


def test_our_app_on_another_site_is_refused(client: FlaskClient, forge: ForgeApp) -> None:
    elsewhere = {"id": "x", "apiBaseUrl": "https://api.atlassian.com/ex/jira/other"}
    answer = client.get("/forge/v1/issues/1/similar", headers=forge.headers(app=elsewhere))
    assert answer.status_code == 403


def test_a_viewer_s_token_that_is_another_account_s_shows_nothing(
    client: FlaskClient, forge: ForgeApp, pair: tuple[str, str, str]
) -> None:
    _, _, issue_id = pair
    headers = {**forge.headers("tester"), "x-forge-oauth-user": "test-token-admin"}
    assert client.get(f"/forge/v1/issues/{issue_id}/similar", headers=headers).status_code == 404


def test_unknown_keys_are_looked_for_once_and_not_for_every_stranger(
    client: FlaskClient, forge: ForgeApp
) -> None:
    for number in range(20):
        token = forge.token(forge.claims(), key_id=f"strange-{number}")
        headers = {**forge.headers(), "Authorization": f"Bearer {token}"}
        client.get("/forge/v1/issues/1/similar", headers=headers)
    assert forge.looks == 1


def test_keys_that_cannot_be_had_are_503_and_show_nothing(
    forge: ForgeApp, services: Services, pair: tuple[str, str, str]
) -> None:
    headers = forge.headers()
    forge.close()
    client = create_app(services).test_client()
    answer = client.get(f"/forge/v1/issues/{pair[2]}/similar", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


def test_keys_that_cannot_be_had_are_not_asked_for_at_each_call(
    forge: ForgeApp, services: Services, pair: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(services).test_client()
    forge.broken = True
    assert [ask(client, forge, pair[2]).status_code for _ in range(5)] == [503] * 5
    assert forge.looks == 1
    # Those that are there are good for longer, while no others can be had.
    forge.broken = False
    client = create_app(services).test_client()
    assert ask(client, forge, pair[2]).status_code == 200
    forge.broken = True
    monkeypatch.setattr(forge_module, "KEYS_KEPT", 0)
    assert [ask(client, forge, pair[2]).status_code for _ in range(5)] == [200] * 5
    assert forge.looks == 2


def test_jira_away_is_503_and_shows_nothing(
    client: FlaskClient, forge: ForgeApp, jira: Site, pair: tuple[str, str, str]
) -> None:
    jira.fail(path="/rest/api/2/issue/bulkfetch", status=503)
    answer = ask(client, forge, pair[2])
    assert answer.status_code == 503
    assert "matches" not in answer.get_json()


def test_the_doctor_looks_at_the_panel(cold_services: Services, forge: ForgeApp) -> None:
    def found(services: Services) -> Check:
        return next(check for check in examine(services, model=False) if check.what == "panel")

    assert found(cold_services).well
    assert "1 signing key" in found(cold_services).says
    half = cold_services.settings.model_copy(update={"public_url": ""})
    assert not found(Services(half)).well
    forge.close()
    assert "are not available" in found(cold_services).says
    bare = cold_services.settings.model_copy(update={"forge_app_id": ""})
    assert found(Services(bare)).well


def test_without_an_app_there_is_no_panel(cold_services: Services, forge: ForgeApp) -> None:
    bare = cold_services.settings.model_copy(update={"forge_app_id": ""})
    client = create_app(Services(bare)).test_client()
    assert ask(client, forge, "1").status_code == 404


@pytest.mark.parametrize("name", ["forge_api_url", "public_url", "forge_app_id", "media_secret"])
def test_half_a_set_up_is_an_error_at_start_that_names_what_is_missing(
    cold_services: Services, name: str
) -> None:
    value: Any = "nonsense" if name == "forge_app_id" else ""
    if name == "media_secret":
        value = type(cold_services.settings.media_secret)("")
    half = cold_services.settings.model_copy(update={name: value})
    with pytest.raises(UserError, match=f"DEJABUG_{name.upper()}"):
        create_app(Services(half))


def _unsigned(claims: dict[str, Any]) -> str:
    import jwt

    return jwt.encode(claims, None, algorithm="none", headers={"kid": "forge-key-1"})

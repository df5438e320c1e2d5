"""Registering Jira's webhook, and proving that its events arrive, with the real web service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner
from werkzeug.serving import make_server

from dejabug import cli
from dejabug.cli import jira as commands
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import JiraRefusedError
from dejabug.jira.webhook_registration import EVENTS, NEW_API, OLD_API, Hook, Hooks, by_hand
from dejabug.jira.webhook_registration import Site as Kind
from dejabug.records.webhook_keys import REFUSALS
from dejabug.services import Services
from dejabug.web import create_app
from support.command_line import words
from support.jira_site import TOKEN, Site
from support.parts import use_settings
from support.servers import serve_in_a_thread
from support.webhooks import SECRET

WEBHOOKS = f"/{OLD_API}"
URL = "https://dejabug.studio.example"


def call(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["jira", *arguments], terminal_width=120)


@pytest.fixture(autouse=True)
def administrator(jira: Site) -> None:
    """The site has one administrator, who alone may manage webhooks."""
    jira.app.extensions["store"].users["admin"].admin = True


@pytest.fixture
def powers(jira: Site) -> None:
    """Our account administers Jira too."""
    jira.app.extensions["store"].users["bot"].admin = True


@pytest.fixture
def web(cold_services: Services) -> Iterator[str]:
    """The address of the real web service."""
    server = make_server("127.0.0.1", 0, create_app(cold_services), threaded=True)
    serve_in_a_thread(server)
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()


def registered(jira: Site) -> list[dict[str, Any]]:
    """The webhooks as Jira keeps them, secrets included."""
    return list(jira.app.extensions["store"].hooks.values())


def as_admin(site: Site) -> Hooks:
    return Hooks(JiraClient(JiraAccess(site.url, site.url, None, f"{TOKEN}-admin")))


# Installing


@pytest.mark.usefixtures("powers")
def test_the_webhook_is_registered_with_all_it_needs(cold_services: Services, jira: Site) -> None:
    answer = call("install", "--url", f"{URL}/", "--jql", "project = GAME")
    assert answer.exit_code == 0, answer.output
    (hook,) = registered(jira)
    assert hook["url"] == f"{URL}/webhooks/jira"
    assert set(hook["events"]) == set(EVENTS)
    assert hook["filters"] == {"issue-related-events-section": "project = GAME"}
    assert (hook["secret"], hook["excludeBody"], hook["name"]) == (SECRET, False, "Déjà Bug")
    assert SECRET not in answer.output
    assert "dejabug jira check" in words(answer.output)


@pytest.mark.usefixtures("powers")
def test_one_that_is_right_is_left_and_another_is_put_right(
    cold_services: Services, jira: Site
) -> None:
    assert call("install", "--url", URL).exit_code == 0
    before = registered(jira)
    again = call("install", "--url", URL)
    assert "Already registered, nothing to fix" in words(again.output)
    assert registered(jira) == before
    number = jira.call("GET", WEBHOOKS, "admin")[0]["self"].rpartition("/")[2]
    broken = {"events": ["jira:issue_created", "sprint_started"], "enabled": False}
    jira.call("PUT", f"{WEBHOOKS}/{number}", "admin", json={"url": before[0]["url"], **broken})
    fixed = call("install", "--url", URL)
    assert fixed.exit_code == 0
    assert "it is disabled" in words(fixed.output)
    assert "Comment: created" in words(fixed.output)
    (hook,) = registered(jira)
    assert hook["enabled"]
    assert set(hook["events"]) == {*EVENTS, "sprint_started"}


@pytest.mark.usefixtures("powers")
def test_a_changed_secret_is_sent_when_asked_for(cold_services: Services, jira: Site) -> None:
    call("install", "--url", URL)
    registered(jira)[0]["secret"] = "an older one"
    call("install", "--url", URL)
    assert registered(jira)[0]["secret"] == "an older one"
    assert "sent again" in words(call("install", "--url", URL, "--update").output)
    assert registered(jira)[0]["secret"] == SECRET


@pytest.mark.usefixtures("powers")
def test_a_dry_run_shows_the_request_without_the_secret(
    cold_services: Services, jira: Site
) -> None:
    answer = call("install", "--url", URL, "--dry-run")
    assert answer.exit_code == 0
    assert "POST /rest/webhooks/1.0/webhook" in words(answer.output)
    assert '"secret": "(the value of DEJABUG_WEBHOOK_SECRET)"' in answer.output
    assert SECRET not in answer.output
    assert registered(jira) == []


def test_who_may_not_is_told_what_to_click(cold_services: Services, jira: Site) -> None:
    answer = call("install", "--url", URL, "--jql", "project = GAME")
    assert answer.exit_code == 1
    told = words(answer.output + answer.stderr)
    assert "Administer Jira" in told
    assert "Settings (the gear) → System → WebHooks → Create a WebHook" in told
    assert f"URL: {URL}/webhooks/jira" in told
    assert "JQL: project = GAME" in told
    assert all(shown in told for shown in EVENTS.values())
    assert "the value of DEJABUG_WEBHOOK_SECRET" in told
    assert SECRET not in told
    assert registered(jira) == []


def test_a_token_for_which_there_is_no_such_api_is_told_the_same(
    cold_services: Services, jira: Site
) -> None:
    jira.fail(path=WEBHOOKS, status=404)
    answer = call("install", "--url", URL)
    assert answer.exit_code == 1
    assert "Create a WebHook" in words(answer.output)


@pytest.mark.usefixtures("powers")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--url https://"),
        (("--url", "dejabug.studio.example"), "--url https://"),
    ],
)
def test_a_wrong_address_is_told(
    cold_services: Services, arguments: tuple[str, ...], complaint: str
) -> None:
    answer = call("install", *arguments)
    assert answer.exit_code == 1
    assert complaint in words(answer.output + answer.stderr)


@pytest.mark.usefixtures("powers")
def test_without_a_secret_nothing_is_registered(cold_services: Services, jira: Site) -> None:
    bare = cold_services.settings.model_copy(
        update={"webhook_secret": type(cold_services.settings.webhook_secret)("")}
    )
    use_settings(cold_services, bare)
    answer = call("install", "--url", URL)
    assert answer.exit_code == 1
    assert "DEJABUG_WEBHOOK_SECRET" in words(answer.output + answer.stderr)
    assert registered(jira) == []


@pytest.mark.usefixtures("powers")
def test_a_request_that_jira_takes_for_wrong_is_not_a_missing_permission(
    cold_services: Services, jira: Site
) -> None:
    jira.fail(path=WEBHOOKS, status=400)
    answer = call("install", "--url", URL)
    assert answer.exit_code == 1
    assert "Jira rejected the request" in words(answer.output + answer.stderr)
    assert "Create a WebHook" not in words(answer.output)


def test_data_center_10_is_spoken_to_in_its_own_way(data_center: Site) -> None:
    hooks = as_admin(data_center)
    hook = Hook(f"{URL}/webhooks/jira", jql="project = GAME")
    hooks.put(hook, SECRET)
    (there,) = hooks.all()
    assert there == Hook(hook.url, jql=hook.jql, number="1")
    assert registered(data_center)[0]["secret"] == SECRET
    sent = [r for r in data_center.log()["requests"] if r["method"] == "POST"][-1]
    assert sent["path"] == f"/{NEW_API}"
    assert sent["body"]["configuration"]["SECRET"] == SECRET
    assert "secret" not in sent["body"]
    data_center.call(
        "PUT", f"/{NEW_API}/1", "admin",
        json={"name": "x", "url": hook.url, "events": ["comment_created"], "active": False},
    )  # fmt: skip
    (there,) = hooks.all()
    assert there.faults()[0] == "it is disabled"
    hooks.put(there.fixed(), SECRET)
    (there,) = hooks.all()
    assert there.faults() == []
    assert "Administration" in by_hand(False, hook)[0]


@pytest.mark.parametrize(
    ("kind", "new"),
    [(Kind(True, 1001), False), (Kind(False, 9), False), (Kind(False, 10), True)],
)
def test_each_jira_has_one_of_the_two_apis(kind: Kind, new: bool) -> None:
    assert kind.new_api == new


def test_the_stand_in_lets_only_its_administrator_manage_webhooks(jira: Site) -> None:
    hooks = Hooks(JiraClient(JiraAccess(jira.url, jira.url, None, f"{TOKEN}-tester")))
    with pytest.raises(JiraRefusedError) as caught:
        hooks.all()
    assert caught.value.status == 403
    assert as_admin(jira).all() == []


# Checking


@pytest.fixture
def issue(jira: Site) -> str:
    return jira.file("GAME", "s")


def check(issue: str, *, timeout: int = 20) -> tuple[int, str]:
    answer = call("check", "--issue", issue, "--timeout", str(timeout))
    return answer.exit_code, words(answer.output)


@pytest.mark.usefixtures("powers")
def test_an_event_that_arrives_is_proof_and_leaves_no_comment(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    assert call("install", "--url", web).exit_code == 0
    status, told = check(issue)
    assert status == 0, told
    assert "✓ account bot at Cloud" in told
    assert f"✓ webhook {web}/webhooks/jira" in told
    assert "ms from the comment to its event" in told
    assert "✓ comment deleted" in told
    assert jira.comments(issue) == []
    posts = [each for each in jira.log()["requests"] if each["path"].endswith("/comment")]
    assert posts[0]["body"]["body"] == commands.PASSING
    marks = {entry["key"] for entry in posts[0]["body"]["properties"]}
    assert marks == {"sd.public.comment"}  # never taken for our suggestion


def issue_id(jira: Site, key: str) -> str:
    return str(jira.issue(key)["id"])


@pytest.mark.usefixtures("powers")
def test_another_secret_is_told_from_silence(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    call("install", "--url", web)
    registered(jira)[0]["secret"] = "another"
    status, told = check(issue, timeout=1)
    assert status == 1
    assert "✗ round trip the test comment's event did not arrive within 1 s" in told
    assert "arrived with a wrong signature" in told
    assert "--update" in told
    assert jira.comments(issue) == []
    assert int(cold_services.redis.get(REFUSALS) or 0) > 0


@pytest.mark.usefixtures("powers")
def test_a_missing_webhook_is_told(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    other = {"name": "chat", "url": "https://chat.example/hook", "events": ["sprint_started"]}
    jira.call("POST", WEBHOOKS, "admin", json=other)
    status, told = check(issue, timeout=1)
    assert status == 1
    assert "✗ webhook no webhook points to …/webhooks/jira" in told
    assert "dejabug jira install" in told


@pytest.mark.usefixtures("powers")
def test_a_webhook_that_is_off_or_lacks_events_is_told(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    call("install", "--url", web)
    hook = registered(jira)[0]
    hook["enabled"] = False
    hook["events"] = ["jira:issue_created"]
    status, told = check(issue, timeout=1)
    assert status == 1
    assert "it is disabled" in told
    assert "Comment: created" in told


@pytest.mark.usefixtures("powers")
def test_a_web_service_that_does_not_answer_is_told(
    cold_services: Services, jira: Site, issue: str
) -> None:
    gone = "http://127.0.0.1:1"
    away = cold_services.settings.model_copy(update={"public_url": gone})
    use_settings(cold_services, away)
    call("install")
    status, told = check(issue, timeout=1)
    assert status == 1
    assert f"✗ web service {gone} can't be reached from this machine" in told
    assert jira.comments(issue) == []


def test_the_proof_needs_no_administrator(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    as_admin(jira).put(Hook(f"{web}/webhooks/jira"), SECRET)
    status, told = check(issue)
    assert status == 0, told
    assert "✓ webhook not checked" in told


def test_an_issue_that_is_not_there_is_told(cold_services: Services, jira: Site) -> None:
    status, told = check("GAME-99")
    assert status == 1
    assert "✗ round trip issue GAME-99 doesn't exist" in told


def test_a_wrong_token_is_told(cold_services: Services, jira: Site, issue: str) -> None:
    jira.fail(path="/rest/api/2/myself", status=401)
    status, told = check(issue)
    assert status == 1
    assert "✗ account Jira rejected our account" in told


def test_a_comment_that_cannot_be_written_or_deleted_is_told(
    cold_services: Services, jira: Site, web: str, issue: str
) -> None:
    as_admin(jira).put(Hook(f"{web}/webhooks/jira"), SECRET)
    address = f"/rest/api/2/issue/{issue_id(jira, issue)}/comment"
    jira.fail(path=address, status=403)
    status, told = check(issue)
    assert status == 1
    assert "to see this issue and to comment on it" in told
    jira.fail(path=f"{address}/", status=403)
    status, told = check(issue)
    assert status == 1
    assert "by hand" in told
    assert len(jira.comments(issue)) == 1


def test_broken_off_the_check_takes_its_comment_away(
    cold_services: Services, jira: Site, issue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> float:
        assert len(jira.comments(issue)) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_seen_after", interrupted)
    assert call("check", "--issue", issue).exit_code != 0
    assert jira.comments(issue) == []

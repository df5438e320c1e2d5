"""What a viewer of the panel can see: requested from Jira as that viewer, cached for a minute."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from dejabug.access.jira_as_viewer import TOKEN_TTL_SECONDS, JiraAsViewer, WrongAccountError
from dejabug.access.principals import PanelViewer
from dejabug.access.visibility_cache import ANSWER_TTL_SECONDS, VisibilityCache
from support.jira_site import TOKEN, Site

TESTER, ADMIN = PanelViewer("tester"), PanelViewer("admin")
TESTER_TOKEN, ADMIN_TOKEN = f"{TOKEN}-tester", f"{TOKEN}-admin"
TESTER_KEY = f"dejabug:reader:{hashlib.sha256(b'tester').hexdigest()[:32]}"
SECRET = "a secret of some length"
NOW = 1_800_000_000.0


class Clock:
    """The time, as told to the code under test."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


@pytest.fixture
def cache(store: redis.Redis) -> VisibilityCache:
    return VisibilityCache(store)


@pytest.fixture
def as_viewer(store: redis.Redis, jira: Site) -> JiraAsViewer:
    return made(store, jira, SECRET)


def made(store: redis.Redis, jira: Site, secret: str) -> JiraAsViewer:
    cache = VisibilityCache(store)
    return JiraAsViewer(store, cache, jira.url, "https://jira.example", secret)


@pytest.fixture
def issues(jira: Site) -> list[str]:
    """Ids of two open issues, and of one that only the administrator may see."""
    found = [str(jira.issue(jira.file("GAME", name))["id"]) for name in ("one", "two", "three")]
    level(jira, found[2], "Secret")
    return found


def level(jira: Site, issue_id: str, name: str | None) -> None:
    """Give an issue a security level, or none."""
    fields = {"security": {"name": name} if name else None}
    jira.call("PUT", f"/rest/api/2/issue/{issue_id}", "admin", json={"fields": fields})


def asked(jira: Site) -> list[str]:
    """What was asked of Jira as viewers so far: the ends of the addresses."""
    paths = [entry["path"] for entry in jira.log()["requests"]]
    # Whether it is Jira Cloud is not asked: only there are viewers' tokens.
    ends = ("myself", "bulkfetch", "serverInfo")
    return [end for path in paths if (end := path.rpartition("/")[2]) in ends]


def transactions(store: redis.Redis) -> int:
    """How many transactions Redis has carried out."""
    found: dict[str, Any] = store.info("commandstats").get("cmdstat_exec", {})
    return int(found.get("calls", 0))


def encrypted_by(secret: str) -> Fernet:
    """The encryption that belongs to a secret."""
    key = hmac.new(secret.encode(), b"dejabug readers v1", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def test_a_viewer_is_shown_what_jira_shows_them(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str]
) -> None:
    found = as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert set(found) == set(issues[:2])
    assert found[issues[0]].summary == "one"
    assert set(as_viewer.issues(ADMIN, ADMIN_TOKEN, issues)) == set(issues)


def test_what_jira_showed_is_known_without_asking_again(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str]
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert asked(jira) == ["myself", "bulkfetch"]
    assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    assert as_viewer.may_see(TESTER, issues[2:]) == set()
    assert asked(jira) == ["myself", "bulkfetch"]


def test_whose_a_token_is_is_asked_once_for_each_token(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str]
) -> None:
    for _ in range(3):
        as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert asked(jira).count("myself") == 1
    with pytest.raises(WrongAccountError):
        as_viewer.issues(TESTER, ADMIN_TOKEN, issues)
    assert asked(jira).count("myself") == 2


def test_a_token_of_another_account_reads_nothing_and_leaves_nothing(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str], store: redis.Redis
) -> None:
    with pytest.raises(WrongAccountError, match=r"^the viewer's token belongs to another account$"):
        as_viewer.issues(TESTER, ADMIN_TOKEN, issues)
    assert store.keys("dejabug:reader:*") == store.keys("dejabug:sight:*") == []
    assert as_viewer.may_see(TESTER, issues) == set()


def test_a_viewer_is_checked_anew_with_their_token_once_a_minute_has_passed(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str], clock: Clock
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    level(jira, issues[0], "Secret")
    level(jira, issues[2], None)
    assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    clock.now = NOW + ANSWER_TTL_SECONDS
    assert as_viewer.may_see(TESTER, issues) == set(issues[1:])


def test_only_what_is_not_known_is_asked_anew(
    as_viewer: JiraAsViewer, cache: VisibilityCache, jira: Site, issues: list[str]
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    cache.forget_issue(issues[0])
    assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    last = jira.log()["requests"][-1]
    assert last["body"]["issueIdsOrKeys"] == [issues[0]]


def test_an_issue_that_was_forgotten_is_not_shown_by_what_was_known(
    as_viewer: JiraAsViewer, cache: VisibilityCache, jira: Site, issues: list[str]
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    level(jira, issues[0], "Secret")
    cache.forget_issue(issues[0])
    assert as_viewer.may_see(TESTER, issues) == {issues[1]}


def test_a_token_is_kept_as_long_as_an_address_lives(
    as_viewer: JiraAsViewer, issues: list[str], clock: Clock, store: redis.Redis
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert ANSWER_TTL_SECONDS < store.ttl(TESTER_KEY) <= TOKEN_TTL_SECONDS
    clock.now = NOW + TOKEN_TTL_SECONDS
    assert as_viewer.may_see(TESTER, issues[:1]) == {issues[0]}


def test_looking_at_what_is_known_keeps_no_token_longer(
    as_viewer: JiraAsViewer, issues: list[str], store: redis.Redis
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    store.expire(TESTER_KEY, 100)
    assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    assert store.ttl(TESTER_KEY) <= 100


def test_a_token_that_redis_still_has_is_no_good_when_its_time_is_over(
    as_viewer: JiraAsViewer, jira: Site, issues: list[str], clock: Clock
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    before = asked(jira)
    clock.now = NOW + TOKEN_TTL_SECONDS + 1
    assert as_viewer.may_see(TESTER, issues) == set()
    assert asked(jira) == before


def test_a_token_lies_in_redis_encrypted_by_the_secret(
    as_viewer: JiraAsViewer, issues: list[str], store: redis.Redis
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    kept = store.hget(TESTER_KEY, "token")
    assert isinstance(kept, bytes)
    assert TESTER_TOKEN.encode() not in kept
    assert encrypted_by(SECRET).decrypt(kept) == TESTER_TOKEN.encode()


def test_a_token_encrypted_by_another_secret_is_none(
    as_viewer: JiraAsViewer,
    cache: VisibilityCache,
    jira: Site,
    issues: list[str],
    store: redis.Redis,
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    other = made(store, jira, "another secret")
    cache.forget_issue(issues[0])
    assert other.may_see(TESTER, issues) == {issues[1]}


def test_without_a_secret_no_token_is_kept_and_what_jira_said_counts_for_its_minute(
    jira: Site, issues: list[str], store: redis.Redis, clock: Clock
) -> None:
    as_viewer = made(store, jira, "")
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert store.hkeys(TESTER_KEY) == [b"digest"]
    # Not even one that is there, encrypted with nothing, is taken.
    store.hset(TESTER_KEY, "token", encrypted_by("").encrypt(TESTER_TOKEN.encode()))
    assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    clock.now = NOW + ANSWER_TTL_SECONDS
    assert as_viewer.may_see(TESTER, issues) == set()


def test_a_viewer_and_their_token_are_written_at_once(
    as_viewer: JiraAsViewer, store: redis.Redis, issues: list[str]
) -> None:
    before = transactions(store)
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    assert transactions(store) == before + 2  # who they are; what they see


def test_a_viewer_whom_jira_refuses_sees_what_is_known_until_then(
    as_viewer: JiraAsViewer, cache: VisibilityCache, jira: Site, issues: list[str]
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    cache.forget_issue(issues[0])
    jira.fail(path="/rest/api/2/issue/bulkfetch", status=401)
    with capture_logs() as logs:
        assert as_viewer.may_see(TESTER, issues) == {issues[1]}
    told = [(entry["event"], entry["why"]) for entry in logs if "why" in entry]
    assert told == [("reader_not_let_in", "JiraRefusedError")]


def test_a_kept_token_that_became_another_account_s_shows_nothing_new(
    as_viewer: JiraAsViewer, cache: VisibilityCache, issues: list[str], store: redis.Redis
) -> None:
    as_viewer.issues(TESTER, TESTER_TOKEN, issues)
    store.hset(TESTER_KEY, "token", encrypted_by(SECRET).encrypt(ADMIN_TOKEN.encode()))
    cache.forget_issue(issues[2])
    with capture_logs() as logs:
        assert as_viewer.may_see(TESTER, issues) == set(issues[:2])
    assert [entry["why"] for entry in logs if "why" in entry] == ["WrongAccountError"]


def test_a_viewer_of_whom_nothing_is_known_sees_nothing(
    as_viewer: JiraAsViewer, jira: Site
) -> None:
    assert as_viewer.may_see(PanelViewer("nobody"), ["10001"]) == set()
    assert asked(jira) == []

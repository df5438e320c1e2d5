"""What a reader may see: asked of Jira as that very reader, kept for a minute, sealed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from dejabug.access import visibility as readers_module
from dejabug.access.visibility import KEPT, SIGHT, NotThatReaderError, Readers, Sights
from support.jira_site import TOKEN, Site

TESTER, ADMIN = f"{TOKEN}-tester", f"{TOKEN}-admin"
NOW = 1_800_000_000.0


class Clock:
    """The time, as told to the code under test."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(readers_module.time, "time", made.time)
    return made


@pytest.fixture
def readers(store: redis.Redis, jira: Site) -> Readers:
    return Readers(store, jira.url, "https://jira.example", "a secret of some length")


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
    """What our readers asked Jira for so far: the ends of the addresses."""
    paths = [entry["path"] for entry in jira.log()["requests"]]
    # Whether it is Jira Cloud is not asked: only there are viewers' tokens.
    ends = ("myself", "bulkfetch", "serverInfo")
    return [end for path in paths if (end := path.rpartition("/")[2]) in ends]


def transactions(store: redis.Redis) -> int:
    """How many transactions Redis has carried out."""
    found: dict[str, Any] = store.info("commandstats").get("cmdstat_exec", {})
    return int(found.get("calls", 0))


def sealed_by(secret: str) -> Fernet:
    """The seal that belongs to a secret."""
    key = hmac.new(secret.encode(), b"dejabug readers v1", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def reader_key(account: str) -> str:
    return f"dejabug:reader:{hashlib.sha256(account.encode()).hexdigest()[:32]}"


# Sights


def test_what_was_said_of_a_reader_counts_for_that_reader_and_those_issues_only(
    store: redis.Redis,
) -> None:
    sights = Sights(store)
    sights.remember("ann", ["1", "2"], ["1"])
    assert sights.known("ann", ["1", "2", "3"]) == ({"1"}, {"3"})
    assert sights.known("bob", ["1", "2"]) == (set(), {"1", "2"})


def test_what_was_said_lasts_a_minute_and_not_a_moment_more(
    store: redis.Redis, clock: Clock
) -> None:
    sights = Sights(store)
    sights.remember("ann", ["1", "2"], ["1"])
    clock.now = NOW + SIGHT - 0.01
    assert sights.known("ann", ["1", "2"]) == ({"1"}, set())
    clock.now = NOW + SIGHT
    assert sights.known("ann", ["1", "2"]) == (set(), {"1", "2"})


def test_redis_forgets_what_was_said_by_itself(store: redis.Redis) -> None:
    Sights(store).remember("ann", ["1"], [])
    assert 0 < store.ttl("dejabug:sight:1") <= SIGHT


def test_an_issue_that_changed_is_asked_about_anew(store: redis.Redis) -> None:
    sights = Sights(store)
    sights.remember("ann", ["1", "2"], ["1", "2"])
    sights.forget("1")
    assert sights.known("ann", ["1", "2"]) == ({"2"}, {"1"})


def test_what_was_said_of_several_issues_is_written_at_once(store: redis.Redis) -> None:
    before = transactions(store)
    Sights(store).remember("ann", ["1", "2"], ["1"])
    assert transactions(store) == before + 1


# Readers


def test_a_reader_is_shown_what_jira_shows_them(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    found = readers.read("tester", TESTER, issues)
    assert set(found) == set(issues[:2])
    assert found[issues[0]].summary == "one"
    assert set(readers.read("admin", ADMIN, issues)) == set(issues)


def test_what_jira_showed_is_known_without_asking_again(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    readers.read("tester", TESTER, issues)
    assert asked(jira) == ["myself", "bulkfetch"]
    assert readers.may_see("tester", issues) == set(issues[:2])
    assert readers.may_see("tester", issues[2:]) == set()
    assert asked(jira) == ["myself", "bulkfetch"]


def test_whose_a_token_is_is_asked_once_for_each_token(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    for _ in range(3):
        readers.read("tester", TESTER, issues)
    assert asked(jira).count("myself") == 1
    with pytest.raises(NotThatReaderError):
        readers.read("tester", ADMIN, issues)
    assert asked(jira).count("myself") == 2


def test_a_token_of_another_account_reads_nothing_and_leaves_nothing(
    readers: Readers, jira: Site, issues: list[str], store: redis.Redis
) -> None:
    with pytest.raises(NotThatReaderError, match=r"^the viewer's token is another account's$"):
        readers.read("tester", ADMIN, issues)
    assert store.keys("dejabug:reader:*") == store.keys("dejabug:sight:*") == []
    assert readers.may_see("tester", issues) == set()


def test_a_reader_is_checked_anew_with_their_token_once_a_minute_has_passed(
    readers: Readers, jira: Site, issues: list[str], clock: Clock
) -> None:
    readers.read("tester", TESTER, issues)
    level(jira, issues[0], "Secret")
    level(jira, issues[2], None)
    assert readers.may_see("tester", issues) == set(issues[:2])
    clock.now = NOW + SIGHT
    assert readers.may_see("tester", issues) == set(issues[1:])


def test_only_what_is_not_known_is_asked_anew(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    readers.read("tester", TESTER, issues)
    readers.forget_issue(issues[0])
    assert readers.may_see("tester", issues) == set(issues[:2])
    last = jira.log()["requests"][-1]
    assert last["body"]["issueIdsOrKeys"] == [issues[0]]


def test_an_issue_that_was_forgotten_is_not_shown_by_what_was_known(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    readers.read("tester", TESTER, issues)
    level(jira, issues[0], "Secret")
    readers.forget_issue(issues[0])
    assert readers.may_see("tester", issues) == {issues[1]}


def test_a_token_is_kept_as_long_as_an_address_lives(
    readers: Readers, issues: list[str], clock: Clock, store: redis.Redis
) -> None:
    readers.read("tester", TESTER, issues)
    assert SIGHT < store.ttl(reader_key("tester")) <= KEPT
    clock.now = NOW + KEPT
    assert readers.may_see("tester", issues[:1]) == {issues[0]}


def test_looking_at_what_is_known_keeps_no_token_longer(
    readers: Readers, issues: list[str], store: redis.Redis
) -> None:
    readers.read("tester", TESTER, issues)
    store.expire(reader_key("tester"), 100)
    assert readers.may_see("tester", issues) == set(issues[:2])
    assert store.ttl(reader_key("tester")) <= 100


def test_a_token_that_redis_still_has_is_no_good_when_its_time_is_over(
    readers: Readers, jira: Site, issues: list[str], clock: Clock
) -> None:
    readers.read("tester", TESTER, issues)
    before = asked(jira)
    clock.now = NOW + KEPT + 1
    assert readers.may_see("tester", issues) == set()
    assert asked(jira) == before


def test_a_token_lies_in_redis_sealed_by_the_secret(
    readers: Readers, issues: list[str], store: redis.Redis
) -> None:
    readers.read("tester", TESTER, issues)
    kept = store.hget(reader_key("tester"), "token")
    assert isinstance(kept, bytes)
    assert TESTER.encode() not in kept
    assert sealed_by(readers.secret).decrypt(kept) == TESTER.encode()


def test_a_token_sealed_by_another_secret_is_none(
    readers: Readers, jira: Site, issues: list[str], store: redis.Redis
) -> None:
    readers.read("tester", TESTER, issues)
    other = Readers(store, jira.url, "https://jira.example", "another secret")
    other.forget_issue(issues[0])
    assert other.may_see("tester", issues) == {issues[1]}


def test_without_a_secret_no_token_is_kept_and_what_jira_said_counts_for_its_minute(
    jira: Site, issues: list[str], store: redis.Redis, clock: Clock
) -> None:
    readers = Readers(store, jira.url, "https://jira.example", "")
    readers.read("tester", TESTER, issues)
    assert store.hkeys(reader_key("tester")) == [b"digest"]
    # Not even one that is there, sealed by nothing, is taken.
    store.hset(reader_key("tester"), "token", sealed_by("").encrypt(TESTER.encode()))
    assert readers.may_see("tester", issues) == set(issues[:2])
    clock.now = NOW + SIGHT
    assert readers.may_see("tester", issues) == set()


def test_a_reader_and_their_token_are_written_at_once(
    readers: Readers, store: redis.Redis, issues: list[str]
) -> None:
    before = transactions(store)
    readers.read("tester", TESTER, issues)
    assert transactions(store) == before + 2  # who they are; what they see


def test_a_reader_whom_jira_refuses_sees_what_is_known_until_then(
    readers: Readers, jira: Site, issues: list[str]
) -> None:
    readers.read("tester", TESTER, issues)
    readers.forget_issue(issues[0])
    jira.fail(path="/rest/api/2/issue/bulkfetch", status=401)
    with capture_logs() as logs:
        assert readers.may_see("tester", issues) == {issues[1]}
    told = [(entry["event"], entry["why"]) for entry in logs if "why" in entry]
    assert told == [("reader_not_let_in", "JiraRefusedError")]


def test_a_kept_token_that_became_another_account_s_shows_nothing_new(
    readers: Readers, issues: list[str], store: redis.Redis
) -> None:
    readers.read("tester", TESTER, issues)
    store.hset(reader_key("tester"), "token", sealed_by(readers.secret).encrypt(ADMIN.encode()))
    readers.forget_issue(issues[2])
    with capture_logs() as logs:
        assert readers.may_see("tester", issues) == set(issues[:2])
    assert [entry["why"] for entry in logs if "why" in entry] == ["NotThatReaderError"]


def test_a_reader_of_whom_nothing_is_known_sees_nothing(readers: Readers, jira: Site) -> None:
    assert readers.may_see("nobody", ["10001"]) == set()
    assert asked(jira) == []

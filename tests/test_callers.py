"""What token holders, everybody, and Jira's accounts may see of what Jira shows to our account."""

from __future__ import annotations

import pytest
import redis

from dejabug.access.callers import AccountReaders, Caller, Known, PublicReaders, TokenReaders
from dejabug.access.tokens import Tokens
from dejabug.access.visibility import Sights
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.records.projects import Projects, Rules
from support.jira_site import TOKEN, Site


@pytest.fixture
def known(store: redis.Redis, jira: Site) -> Known:
    # An administrator's account, which Jira tells what others may see.
    access = JiraAccess(jira.url, jira.url, None, f"{TOKEN}-admin", cloud=True)
    return Known(Sights(store), Projects(store), JiraClient(access))


@pytest.fixture
def issues(jira: Site) -> dict[str, str]:
    """Ids: an open issue of each of two projects, and one with a security level."""
    found = {
        name: str(jira.issue(jira.file(project, name))["id"])
        for name, project in {"game": "GAME", "other": "OTHER", "secret": "GAME"}.items()
    }
    fields = {"security": {"name": "Secret"}}
    address = f"/rest/api/2/issue/{found['secret']}"
    jira.call("PUT", address, "admin", json={"fields": fields})
    return found


def reads(jira: Site) -> int:
    """How often issues were asked of Jira so far."""
    return sum(entry["path"].endswith("/bulkfetch") for entry in jira.log()["requests"])


def test_the_holder_of_a_token_sees_its_projects_without_security_levels(
    known: Known, store: redis.Redis, issues: dict[str, str]
) -> None:
    tokens = Tokens(store)
    _, one = tokens.create("one", ["GAME"])
    _, both = tokens.create("both", ["GAME", "OTHER"])
    readers = TokenReaders(tokens, known)
    assert readers.may_see(one.reader, issues.values()) == {issues["game"]}
    assert readers.may_see(both.reader, issues.values()) == {issues["game"], issues["other"]}


def test_a_token_that_was_revoked_shows_nothing_though_its_minute_is_not_over(
    known: Known, store: redis.Redis, issues: dict[str, str]
) -> None:
    tokens = Tokens(store)
    _, token = tokens.create("one", ["GAME"])
    readers = TokenReaders(tokens, known)
    assert readers.may_see(token.reader, issues.values())
    tokens.revoke(token.id)
    assert readers.may_see(token.reader, issues.values()) == set()


def test_everybody_sees_the_public_projects_whatever_they_are_called(
    known: Known, jira: Site, store: redis.Redis, issues: dict[str, str]
) -> None:
    readers = PublicReaders(frozenset({"OTHER"}), known)
    assert readers.may_see("public:", issues.values()) == {issues["other"]}
    before = reads(jira)
    assert readers.may_see("public:10.0.0.1", issues.values()) == {issues["other"]}
    assert reads(jira) == before
    assert store.hkeys(f"dejabug:sight:{issues['other']}") == [b"public:"]


def test_an_account_sees_what_jira_shows_to_it_in_all_projects(
    known: Known, jira: Site, issues: dict[str, str]
) -> None:
    readers = AccountReaders(known)
    assert readers.may_see("account:tester", issues.values()) == {issues["game"], issues["other"]}
    assert readers.may_see("account:admin", issues.values()) == set(issues.values())
    jira.app.extensions["store"].users["bot"].projects = ["OTHER"]
    assert readers.may_see("account:bot", issues.values()) == {issues["other"]}
    assert readers.may_see("account:nobody", issues.values()) == set()


def test_what_our_account_does_not_see_is_shown_to_no_account(
    known: Known, jira: Site, store: redis.Redis, issues: dict[str, str]
) -> None:
    jira.app.extensions["store"].users["admin"].projects = ["OTHER"]
    assert AccountReaders(known).may_see("account:tester", issues.values()) == {issues["other"]}


def test_what_jira_said_is_not_asked_again_within_the_minute(
    known: Known, jira: Site, issues: dict[str, str]
) -> None:
    seen = known.may_see("public:", issues.values(), {"GAME"})
    before = reads(jira)
    assert known.may_see("public:", issues.values(), {"GAME"}) == seen == {issues["game"]}
    assert reads(jira) == before
    # Of what is new, only that is asked, and it is added to what is known.
    new = str(jira.issue(jira.file("GAME", "new"))["id"])
    assert known.may_see("public:", [*issues.values(), new], {"GAME"}) == {issues["game"], new}
    assert jira.log()["requests"][-1]["body"]["issueIdsOrKeys"] == [new]


def test_what_one_reader_may_see_is_no_other_reader_s(known: Known, issues: dict[str, str]) -> None:
    assert known.may_see("token:1", issues.values(), {"GAME"}) == {issues["game"]}
    assert known.may_see("token:2", issues.values(), {"OTHER"}) == {issues["other"]}


def test_a_project_that_is_switched_off_is_shown_to_nobody_from_then_on(
    known: Known, store: redis.Redis, issues: dict[str, str]
) -> None:
    both = {issues["game"], issues["other"]}
    assert known.may_see("public:", issues.values(), {"GAME", "OTHER"}) == both
    known.projects.put("GAME", Rules("off"))
    assert known.may_see("public:", issues.values(), {"GAME", "OTHER"}) == {issues["other"]}
    assert known.may_see("account:1", issues.values(), None) == {issues["other"]}
    known.projects.put("OTHER", Rules("off"))
    assert known.may_see("public:", issues.values(), {"GAME", "OTHER"}) == set()
    # Names of projects cannot run together: no key of Jira's has a blank.
    names = store.hkeys(f"dejabug:sight:{issues['game']}")
    assert {b"public:", b"public: GAME", b"public: GAME OTHER"} <= set(names)


def test_a_caller_is_anybody_only_when_nothing_is_known_of_them() -> None:
    assert Caller("public:10.0.0.1", frozenset()).anybody
    assert not Caller("token:public:", frozenset()).anybody
    assert not Caller("account:1", frozenset()).anybody

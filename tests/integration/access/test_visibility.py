"""What principals can see: token holders, everybody, Jira accounts, the panel's viewers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from dejabug.access.jira_as_viewer import JiraAsViewer
from dejabug.access.policy import Ticket
from dejabug.access.principals import (
    EVERYBODY,
    AccountPrincipal,
    Caller,
    OperatorPrincipal,
    PanelViewer,
    Principal,
    PublicPrincipal,
    TokenPrincipal,
)
from dejabug.access.tokens import Tokens
from dejabug.access.visibility import Visibility
from dejabug.access.visibility_cache import VisibilityCache
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.records.projects import Projects, Rules
from support.jira_site import TOKEN, Site

TESTER = AccountPrincipal("tester")

Make = Callable[..., Visibility]


@pytest.fixture
def as_viewer(store: redis.Redis, jira: Site) -> JiraAsViewer:
    return JiraAsViewer(store, VisibilityCache(store), jira.url, jira.url, "a secret of a length")


@pytest.fixture
def showing(store: redis.Redis, jira: Site, as_viewer: JiraAsViewer) -> Make:
    """Makes one by which everybody may see these projects."""
    # An administrator's account, which Jira tells what others may see.
    access = JiraAccess(jira.url, jira.url, None, f"{TOKEN}-admin", cloud=True)

    def make(*public: str) -> Visibility:
        return Visibility(
            VisibilityCache(store),
            as_viewer,
            Tokens(store),
            Projects(store),
            JiraClient(access),
            frozenset(public),
        )

    return make


@pytest.fixture
def visibility(showing: Make) -> Visibility:
    return showing("GAME")


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
    visibility: Visibility, store: redis.Redis, issues: dict[str, str]
) -> None:
    tokens = Tokens(store)
    _, one = tokens.create("one", ["GAME"])
    _, both = tokens.create("both", ["GAME", "OTHER"])
    assert visibility.may_see(one.principal, issues.values()) == {issues["game"]}
    both_seen = visibility.may_see(both.principal, issues.values())
    assert both_seen == {issues["game"], issues["other"]}


def test_a_token_that_was_revoked_shows_nothing_though_its_minute_is_not_over(
    visibility: Visibility, store: redis.Redis, issues: dict[str, str]
) -> None:
    tokens = Tokens(store)
    _, token = tokens.create("one", ["GAME"])
    assert visibility.may_see(token.principal, issues.values())
    tokens.revoke(token.id)
    assert visibility.may_see(token.principal, issues.values()) == set()


def test_everybody_sees_the_public_projects_whatever_they_are_called(
    showing: Make, jira: Site, store: redis.Redis, issues: dict[str, str]
) -> None:
    visibility = showing("OTHER")
    assert visibility.may_see(EVERYBODY, issues.values()) == {issues["other"]}
    before = reads(jira)
    somebody = PublicPrincipal("10.0.0.1")
    assert visibility.may_see(somebody, issues.values()) == {issues["other"]}
    assert reads(jira) == before
    assert store.hkeys(f"dejabug:sight:{issues['other']}") == [b"public:"]


def test_an_account_sees_what_jira_shows_to_it_in_all_projects(
    visibility: Visibility, jira: Site, issues: dict[str, str]
) -> None:
    open_ones = {issues["game"], issues["other"]}
    assert visibility.may_see(TESTER, issues.values()) == open_ones
    assert visibility.may_see(AccountPrincipal("admin"), issues.values()) == set(issues.values())
    jira.app.extensions["store"].users["bot"].projects = ["OTHER"]
    assert visibility.may_see(AccountPrincipal("bot"), issues.values()) == {issues["other"]}
    assert visibility.may_see(AccountPrincipal("nobody"), issues.values()) == set()


def test_what_our_account_does_not_see_is_shown_to_no_account(
    visibility: Visibility, jira: Site, issues: dict[str, str]
) -> None:
    jira.app.extensions["store"].users["admin"].projects = ["OTHER"]
    assert visibility.may_see(TESTER, issues.values()) == {issues["other"]}


def test_a_viewer_of_the_panel_sees_what_their_own_token_shows(
    visibility: Visibility, as_viewer: JiraAsViewer, issues: dict[str, str]
) -> None:
    viewer = PanelViewer("tester")
    # Their account alone is no reason to ask Jira as its administrator.
    assert visibility.may_see(viewer, issues.values()) == set()
    as_viewer.issues(viewer, f"{TOKEN}-tester", issues.values())
    assert visibility.may_see(viewer, issues.values()) == {issues["game"], issues["other"]}


def test_an_operator_is_known_by_no_issue(visibility: Visibility, issues: dict[str, str]) -> None:
    assert visibility.may_see(OperatorPrincipal(), issues.values()) == set()


def test_what_jira_said_is_not_asked_again_within_the_minute(
    visibility: Visibility, jira: Site, issues: dict[str, str]
) -> None:
    seen = visibility.may_see(EVERYBODY, issues.values())
    before = reads(jira)
    assert visibility.may_see(EVERYBODY, issues.values()) == seen == {issues["game"]}
    assert reads(jira) == before
    # Of what is new, only that is asked, and it is added to what is known.
    new = str(jira.issue(jira.file("GAME", "new"))["id"])
    assert visibility.may_see(EVERYBODY, [*issues.values(), new]) == {issues["game"], new}
    assert jira.log()["requests"][-1]["body"]["issueIdsOrKeys"] == [new]


def test_what_one_principal_may_see_is_no_other_principal_s(
    visibility: Visibility, store: redis.Redis, issues: dict[str, str]
) -> None:
    for project, name in (("GAME", "game"), ("OTHER", "other")):
        _, token = Tokens(store).create(name, [project])
        assert visibility.may_see(token.principal, issues.values()) == {issues[name]}


def test_a_project_that_is_switched_off_is_shown_to_nobody_from_then_on(
    showing: Make, store: redis.Redis, issues: dict[str, str]
) -> None:
    visibility, projects = showing("GAME", "OTHER"), Projects(store)
    both = {issues["game"], issues["other"]}
    assert visibility.may_see(EVERYBODY, issues.values()) == both
    assert visibility.may_see(TESTER, issues.values()) == both
    projects.put("GAME", Rules("off"))
    assert visibility.may_see(EVERYBODY, issues.values()) == {issues["other"]}
    assert visibility.may_see(TESTER, issues.values()) == {issues["other"]}
    projects.put("OTHER", Rules("off"))
    assert visibility.may_see(EVERYBODY, issues.values()) == set()
    # Names of projects cannot run together: no key of Jira's has a blank.
    names = store.hkeys(f"dejabug:sight:{issues['game']}")
    assert {b"public:", b"public: GAME", b"public: GAME OTHER"} <= set(names)


def tickets(issues: dict[str, str]) -> dict[str, Ticket]:
    """The issues as our own account sees them."""
    return {
        issue_id: Ticket(issue_id, "OTHER" if name == "other" else "GAME", name == "secret")
        for name, issue_id in issues.items()
    }


@pytest.mark.parametrize(
    "principal", [TokenPrincipal("a"), PublicPrincipal("b"), OperatorPrincipal()]
)
def test_who_is_known_by_projects_is_told_of_those_without_security_levels(
    visibility: Visibility, jira: Site, issues: dict[str, str], principal: Principal
) -> None:
    before = reads(jira)
    game = Caller(principal, frozenset({"GAME"}))
    assert set(visibility.tellable(game, tickets(issues))) == {issues["game"]}
    assert visibility.tellable(Caller(principal, frozenset()), tickets(issues)) == {}
    assert reads(jira) == before


def test_an_account_is_told_of_what_jira_shows_to_it_in_the_projects_that_it_searches(
    visibility: Visibility, issues: dict[str, str]
) -> None:
    game = frozenset({"GAME"})
    told = visibility.tellable(Caller(TESTER, game), tickets(issues))
    assert set(told) == {issues["game"]}
    told = visibility.tellable(Caller(AccountPrincipal("admin"), game), tickets(issues))
    assert set(told) == {issues["game"], issues["secret"]}


def test_a_viewer_of_the_panel_is_told_of_nothing_without_their_token(
    visibility: Visibility, issues: dict[str, str]
) -> None:
    caller = Caller(PanelViewer("tester"), frozenset({"GAME", "OTHER"}))
    assert visibility.tellable(caller, tickets(issues)) == {}


def test_nobody_is_told_of_a_project_that_is_switched_off(
    visibility: Visibility, store: redis.Redis, issues: dict[str, str]
) -> None:
    assert set(visibility.tellable_to_everybody(tickets(issues))) == {issues["game"]}
    Projects(store).put("GAME", Rules("off"))
    for principal in (EVERYBODY, TESTER, OperatorPrincipal()):
        caller = Caller(principal, frozenset({"GAME"}))
        assert visibility.tellable(caller, tickets(issues)) == {}
    assert visibility.tellable_to_everybody(tickets(issues)) == {}

"""What a principal may see, decided in one place. When in doubt: nothing.

- The holder of a token sees the token's projects, and anyone sees the public projects, both without
  issues that have a security level.
- An account sees what Jira shows to it, and of that only what our own account sees as well.
- A viewer of the panel sees what Jira shows to them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import assert_never

from dejabug.access.jira_as_viewer import JiraAsViewer
from dejabug.access.policy import Ticket, tellable
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
from dejabug.access.visibility_cache import VisibilityCache
from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraClient
from dejabug.records.projects import Projects


class Visibility:
    """Decides what principals may see. `jira` uses our own account; `public`: the keys of the
    projects that everyone may see."""

    def __init__(
        self,
        cache: VisibilityCache,
        jira_as_viewer: JiraAsViewer,
        tokens: Tokens,
        projects: Projects,
        jira: JiraClient,
        public: frozenset[str],
    ) -> None:
        self._cache = cache
        self._jira_as_viewer = jira_as_viewer
        self._tokens = tokens
        self._projects = projects
        self._jira = jira
        self._public = public

    def may_see(self, principal: Principal, issue_ids: Iterable[str]) -> set[str]:
        """The numeric ids of those issues that this principal may see; Jira's answers are cached
        for a minute. None for a revoked or expired token. Raises JiraError."""
        match principal:
            case TokenPrincipal():
                token = self._tokens.get(principal.token_id)
                return set() if token is None else self._in(token.projects, principal, issue_ids)
            case PublicPrincipal():
                return self._in(self._public, EVERYBODY, issue_ids)
            case AccountPrincipal():
                return self._browsable(principal, issue_ids)
            case PanelViewer():
                return self._jira_as_viewer.may_see(principal, issue_ids)
            case OperatorPrincipal():
                return set()  # an operator sees only the projects that the command lists
            case _:
                assert_never(principal)

    def tellable(self, caller: Caller, tickets: Mapping[str, Ticket]) -> dict[str, Ticket]:
        """Those issues, by id, that the caller may see. `tickets`: the issues as Jira shows them to
        our own account now. Raises JiraError."""
        match caller.principal:
            case TokenPrincipal() | PublicPrincipal() | OperatorPrincipal():
                seen = None  # known by projects only
            case AccountPrincipal() | PanelViewer():
                seen = self.may_see(caller.principal, tickets)
            case _:
                assert_never(caller.principal)
        return tellable(tickets, caller.projects, self._projects.off(), seen)

    def tellable_to_everybody(self, tickets: Mapping[str, Ticket]) -> dict[str, Ticket]:
        """Those issues that anyone may see; like `tellable`."""
        return self.tellable(Caller(EVERYBODY, self._public), tickets)

    # Inside

    def _in(
        self, projects: Collection[str], principal: Principal, issue_ids: Iterable[str]
    ) -> set[str]:
        def shown(tickets: Mapping[str, Ticket], off: Collection[str]) -> Iterable[str]:
            return tellable(tickets, projects, off)

        return self._answer(principal, issue_ids, shown)

    def _browsable(self, principal: AccountPrincipal, issue_ids: Iterable[str]) -> set[str]:
        def shown(tickets: Mapping[str, Ticket], off: Collection[str]) -> Iterable[str]:
            seen = Accounts(self._jira).browsable(principal.account_id, tickets.keys())
            everywhere = {each.project for each in tickets.values()}
            return tellable(tickets, everywhere, off, seen)

        return self._answer(principal, issue_ids, shown)

    def _answer(
        self,
        principal: Principal,
        issue_ids: Iterable[str],
        shown: Callable[[Mapping[str, Ticket], Collection[str]], Iterable[str]],
    ) -> set[str]:
        """The visible ids from the cache, or else from `shown`, which picks ids from the issues
        that our own account sees."""
        off = self._projects.off()
        # Answers cached before a project was switched off don't count.
        known_as = " ".join((principal.name, *sorted(off)))
        seen, unknown = self._cache.known(known_as, issue_ids)
        if unknown:
            issues = self._jira.issues(unknown)
            tickets = {
                each.id: Ticket(each.id, each.project, each.security is not None)
                for each in issues.values()
            }
            fresh = set(shown(tickets, off))
            self._cache.remember(known_as, unknown, fresh)
            seen |= fresh
        return seen

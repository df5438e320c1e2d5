"""Who asks, and what they may see of what Jira shows to our own account now (`policy.tellable`).

The holder of an API token sees the token's projects, and everybody the public ones, in both without
issues that have a security level. Who is known by an account of Jira's sees what Jira shows to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from dejabug.access import policy
from dejabug.access.policy import Ticket
from dejabug.access.tokens import Tokens
from dejabug.access.visibility import Readers, Sight, Sights
from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraClient
from dejabug.records.projects import Projects

# How readers' names begin, by their kind.
TOKEN_READER = "token:"  # noqa: S105 (how such a reader's name begins)
PUBLIC_READER = "public:"
ACCOUNT_READER = "account:"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: `name` is theirs as a reader of media, `projects` are those they see.

    With a `sight`, they see of these only what it says they do.
    """

    name: str
    projects: frozenset[str]
    sight: Sight | None = None

    @property
    def anybody(self) -> bool:
        """Whether nothing is known of them: who they are, or that they were given a token."""
        return self.name.startswith(PUBLIC_READER)


@dataclass(frozen=True)
class Known:
    """What tells of readers: what was said of late, which projects are off, and Jira."""

    sights: Sights
    projects: Projects
    jira: JiraClient

    def may_see(
        self,
        reader: str,
        issue_ids: Iterable[str],
        projects: Collection[str] | None,
        browsable: Callable[[Collection[str]], set[str]] | None = None,
    ) -> set[str]:
        """Those of the issues that this reader may see, by what Jira said within a minute.

        `projects` None stands for all; `browsable` asks what this very reader may see. Raises
        JiraError.
        """
        off = self.projects.off()
        # What was known before a project was switched off does not count.
        known_as = " ".join((reader, *sorted(off)))
        seen, unknown = self.sights.known(known_as, issue_ids)
        if unknown:
            issues = self.jira.issues(unknown)
            tickets = {
                each.id: Ticket(each.id, each.project, each.security is not None)
                for each in issues.values()
            }
            wanted = {each.project for each in tickets.values()} if projects is None else projects
            shown = None if browsable is None else browsable(tickets.keys())
            fresh = policy.tellable(tickets, wanted, off, shown)
            self.sights.remember(known_as, unknown, fresh)
            seen |= fresh.keys()
        return seen


@dataclass(frozen=True)
class TokenReaders:
    """Readers known by the id of their API token (`token:<id>`)."""

    tokens: Tokens
    known: Known

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:
        """Those of the issues that this token's holder may see; none once the token is revoked or
        expired. Raises JiraError."""
        token = self.tokens.get(reader.removeprefix(TOKEN_READER))
        return set() if token is None else self.known.may_see(reader, issue_ids, token.projects)


@dataclass(frozen=True)
class PublicReaders:
    """Readers of whom nothing is known (`public:<anything>`): they see the public projects."""

    public: frozenset[str]
    known: Known

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:  # noqa: ARG002
        """Those of the issues that everybody may see. Raises JiraError."""
        return self.known.may_see(PUBLIC_READER, issue_ids, self.public)


@dataclass(frozen=True)
class AccountReaders:
    """Readers known by their account in Jira (`account:<id>`), of whom Jira is asked as its
    administrator. Our account must see the issue as well."""

    known: Known

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:
        """Those of the issues that Jira shows to this account. Raises JiraError."""
        account = reader.removeprefix(ACCOUNT_READER)
        accounts = Accounts(self.known.jira)
        return self.known.may_see(
            reader, issue_ids, None, lambda wanted: accounts.browsable(account, wanted)
        )


class Visibility:
    """Who can tell what a reader may see: the one place that knows the kinds of readers."""

    def __init__(
        self,
        readers: Readers,
        tokens: Tokens,
        projects: Projects,
        jira: JiraClient,
        public: frozenset[str],
    ) -> None:
        self._readers = readers
        self._tokens = tokens
        self._known = Known(readers.sights, projects, jira)
        self._public = public

    def sight(self, reader: str) -> Sight:
        """What tells of this reader. A viewer's name is their account's id in Jira, which never
        begins as the others' do."""
        if reader.startswith(TOKEN_READER):
            return TokenReaders(self._tokens, self._known)
        if reader.startswith(PUBLIC_READER):
            return PublicReaders(self._public, self._known)
        if reader.startswith(ACCOUNT_READER):
            return AccountReaders(self._known)
        return self._readers

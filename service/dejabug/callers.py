"""What the holder of an API token may see: what Jira shows to our own account now, of the token's
projects, without a security level (`policy.may_tell`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dejabug import policy
from dejabug.jira.client import JiraClient
from dejabug.projects import Projects
from dejabug.readers import Sights
from dejabug.tokens import Tokens

TOKEN_READER = "token:"  # noqa: S105 (how such a reader's name begins)


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: `name` is theirs as a reader of media, `projects` are those they see."""

    name: str
    projects: frozenset[str]


@dataclass(frozen=True)
class TokenReaders:
    """Readers known by the id of their API token (`token:<id>`)."""

    tokens: Tokens
    sights: Sights
    projects: Projects
    jira: JiraClient

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:
        """Those of the issues that this token's holder may see, by what Jira said within a minute;
        none once the token is revoked or expired. Raises JiraError."""
        token = self.tokens.get(reader.removeprefix(TOKEN_READER))
        if token is None:
            return set()
        off = self.projects.off()
        # What was known before a project was switched off does not count.
        known_as = " ".join((reader, *sorted(off)))
        seen, unknown = self.sights.known(known_as, issue_ids)
        if unknown:
            issues = self.jira.issues(unknown)
            fresh = {
                issue.id
                for issue in issues.values()
                if policy.may_tell(issue.project, issue.security is not None, token.projects, off)
            }
            self.sights.remember(known_as, unknown, fresh)
            seen |= fresh
        return seen

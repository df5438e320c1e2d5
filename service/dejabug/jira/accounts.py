"""Other people's accounts, which Jira shows to administrators: who has an email, and what an
account may see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dejabug.jira.client import PAGE, JiraClient
from dejabug.jira.errors import IssueGoneError, JiraRefusedError
from dejabug.jira.models import account_of, is_id

# Issues or projects per permission check, and projects per look-up of their ids (Jira's limits).
CHECKED = 1000
NAMED = 50
# The key of our own account's id, for webhooks, which don't call Jira.
OWN_ACCOUNT = "dejabug:account"
BROWSE = "BROWSE_PROJECTS"


@dataclass(frozen=True)
class Accounts:
    """The accounts of a Jira, read with our account. Every method raises JiraError.

    Only Jira Cloud shows what an account may see, and only to administrators. Otherwise,
    JiraRefusedError with status 403 is raised.
    """

    jira: JiraClient

    def by_email(self, email: str) -> str | None:
        """The id of the active account with this email; None if there is none or more than one,
        or if Jira hides emails. In Data Center, the id is the account's name."""
        wanted = _plain(email)
        if "@" not in wanted:
            return None
        name = "query" if self.jira.is_cloud else "username"
        found = self.jira.ask("GET", "user/search", params={name: wanted, "maxResults": PAGE})
        users = [
            user
            for user in cast(list[Mapping[str, Any]], found)
            if user.get("active") is True and _plain(str(user.get("emailAddress") or "")) == wanted
        ]
        return account_of(users[0]) if len(users) == 1 else None

    def browsable(self, account: str, issue_ids: Collection[str]) -> set[str]:
        """The ids of those issues that Jira shows to this account now, with its roles and the
        issues' security levels. None for an account that isn't active."""
        self._must_tell(account)
        wanted = sorted({int(issue_id) for issue_id in issue_ids if is_id(issue_id)})
        if not wanted or not self._is_active(account):
            return set()
        return self._granted(account, "issues", wanted) & set(issue_ids)

    def projects(self, account: str, keys: Collection[str]) -> set[str]:
        """The keys of those projects that both our account and this account may browse now."""
        self._must_tell(account)
        known = dict(self._project_ids(sorted(keys)))
        granted = self._granted(account, "projects", sorted(known.values())) if known else set()
        return {key for key, number in known.items() if str(number) in granted}

    # Inside

    def _must_tell(self, account: str) -> None:
        if not account or not self.jira.is_cloud:
            raise JiraRefusedError("this Jira doesn't show what an account may see", 403)

    def _is_active(self, account: str) -> bool:
        """Jira doesn't guarantee that a deactivated account loses its permissions."""
        try:
            user = self.jira.ask("GET", "user", params={"accountId": account})
        except IssueGoneError:
            return False
        return user.get("active") is True

    def _project_ids(self, keys: Sequence[str]) -> Iterator[tuple[str, int]]:
        for start in range(0, len(keys), NAMED):
            asked = {"keys": keys[start : start + NAMED], "maxResults": NAMED}
            found = self.jira.ask("GET", "project/search", params=asked)
            for project in found.get("values") or ():
                yield str(project["key"]), int(project["id"])

    def _granted(self, account: str, what: str, wanted: Sequence[int]) -> set[str]:
        """The ids of those issues or projects that the account may browse ("Get bulk
        permissions")."""
        seen: set[str] = set()
        for start in range(0, len(wanted), CHECKED):
            checked = {"permissions": [BROWSE], what: wanted[start : start + CHECKED]}
            asked = {"accountId": account, "projectPermissions": [checked]}
            answer = self.jira.ask("POST", "permissions/check", json=asked)
            for grant in answer.get("projectPermissions") or ():
                if grant.get("permission") == BROWSE:
                    seen |= {str(each) for each in grant.get(what) or ()}
        return seen


def _plain(email: str) -> str:
    """An email in lower case and without blanks. Only ASCII is lower-cased: with other scripts,
    different addresses could become the same."""
    stripped = email.strip()
    return stripped.lower() if stripped.isascii() else stripped

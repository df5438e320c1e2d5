"""Other people's accounts, of which Jira tells its administrators: who has an e-mail, and what an
account may see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dejabug.jira.client import PAGE, JiraClient
from dejabug.jira.errors import IssueGoneError, JiraRefusedError
from dejabug.jira.models import account_of, is_id

# Issues or projects per check of somebody's permission, and projects per look-up of their ids
# (Jira's own limits).
CHECKED = 1000
NAMED = 50
# Where our own account's id is kept, for webhooks, which do not call Jira.
OWN_ACCOUNT = "dejabug:account"
BROWSE = "BROWSE_PROJECTS"


@dataclass(frozen=True)
class Accounts:
    """Accounts of a Jira, asked as ours. Every method raises JiraError.

    What an account may see is told by Jira Cloud only, and to administrators only: elsewhere
    JiraRefusedError is raised, with status 403.
    """

    jira: JiraClient

    def by_email(self, email: str) -> str | None:
        """The id of the one active account with this e-mail; None where there is none, or several,
        or where Jira hides e-mails. Data Center's accounts are known by their names."""
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
        """Those of the issues, by numeric id, that Jira shows to this account now, its roles and
        the issues' security levels considered; none to an account that is not active."""
        self._must_tell(account)
        wanted = sorted({int(issue_id) for issue_id in issue_ids if is_id(issue_id)})
        if not wanted or not self._is_active(account):
            return set()
        return self._granted(account, "issues", wanted) & set(issue_ids)

    def projects(self, account: str, keys: Collection[str]) -> set[str]:
        """Those of the projects, by key, that both we and this account may browse now."""
        self._must_tell(account)
        known = dict(self._project_ids(sorted(keys)))
        granted = self._granted(account, "projects", sorted(known.values())) if known else set()
        return {key for key, number in known.items() if str(number) in granted}

    # Inside

    def _must_tell(self, account: str) -> None:
        if not account or not self.jira.is_cloud:
            raise JiraRefusedError("Jira cannot be asked what this account may see", 403)

    def _is_active(self, account: str) -> bool:
        """Jira does not promise that a deactivated account has no permissions any more."""
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
        """Ids of those issues or projects that the account may browse ("Get bulk permissions")."""
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
    """An e-mail without what does not count. Only ASCII has letter cases here: elsewhere different
    addresses may become one."""
    stripped = email.strip()
    return stripped.lower() if stripped.isascii() else stripped

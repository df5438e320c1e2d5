"""Who asks in Slack: a reader of Jira known by e-mail, or else somebody who sees public projects.

An e-mail counts only where this workspace vouches for it: not that of a stranger from another one
(Slack Connect), whose administrators could write any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from dejabug.callers import ACCOUNT_READER, PUBLIC_READER, Caller
from dejabug.jira.errors import JiraRefusedError
from dejabug.rooms import Rooms

log = structlog.get_logger()
Answer = TypeVar("Answer")


class StrangerError(Exception):
    """Nobody in Jira is known to be this person, and there are no public projects."""


@dataclass(frozen=True)
class Asker:
    """A Slack user, and Slack itself to ask about them; `home` is the workspace of our app."""

    place: Rooms
    client: WebClient
    home: AuthorizeResult
    user: str

    def ask(self, question: Callable[[Caller], Answer]) -> Answer:
        """Ask as this person. Where our account may not ask Jira about others, nobody is known.

        Raises StrangerError, SlackApiError, and like the question.
        """
        caller = self._caller()
        try:
            return question(caller)
        except JiraRefusedError as error:
            if caller.sight is None or error.status != 403:
                raise
            log.warning("slack_readers_not_told", remedy="make our account administer Jira")
            return question(self._stranger())

    def _caller(self) -> Caller:
        account = self._account()
        if account is None:
            return self._stranger()
        name = f"{ACCOUNT_READER}{account}"
        projects = frozenset(self.place.catalogue.projects())
        return Caller(name, projects, self.place.sight(name))

    def _stranger(self) -> Caller:
        public = self.place.settings.public
        if not public:
            raise StrangerError
        return Caller(f"{PUBLIC_READER}{self.user}", public)

    def _account(self) -> str | None:
        user: Mapping[str, Any] = self.client.users_info(user=self.user)["user"]
        if not _vouched_for(user, self.home):
            return None
        email = str((user.get("profile") or {}).get("email") or "")
        try:
            return self.place.jira.account_by_email(email)
        except JiraRefusedError as error:
            if error.status != 403:
                raise
            return None


def _vouched_for(user: Mapping[str, Any], home: AuthorizeResult) -> bool:
    """Whether this is a person of our own workspace or enterprise, with a confirmed e-mail."""
    doubts = ("deleted", "is_bot", "is_stranger")
    if any(user.get(doubt) for doubt in doubts) or user.get("is_email_confirmed") is False:
        return False
    enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
    ours = bool(home.team_id) and user.get("team_id") == home.team_id
    return ours or (bool(home.enterprise_id) and enterprise == home.enterprise_id)

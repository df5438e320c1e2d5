"""Identifies a Slack user by their email address.

An address counts only if our workspace confirms it. That of a user from another workspace (Slack
Connect) does not, since its administrators could enter any address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from dejabug.access.principals import Caller, EmailUser, PublicPrincipal
from dejabug.services import Services


@dataclass(frozen=True)
class SlackUser:
    """A Slack user, with a client to look them up; `home` is the workspace of our app."""

    services: Services
    client: WebClient
    home: AuthorizeResult
    id: str

    def caller(self) -> Caller:
        """Who this is in Jira. Raises NoJiraAccountError, SlackApiError and JiraError."""
        return self.services.jira_users.caller(self._known_by(), PublicPrincipal(self.id))

    def _known_by(self) -> EmailUser | None:
        user: Mapping[str, Any] = self.client.users_info(user=self.id)["user"]
        email = (user.get("profile") or {}).get("email")
        return EmailUser(str(email)) if email and _vouched_for(user, self.home) else None


def _vouched_for(user: Mapping[str, Any], home: AuthorizeResult) -> bool:
    """Whether this is a person in our workspace or enterprise, with a confirmed email address."""
    doubts = ("deleted", "is_bot", "is_stranger")
    if any(user.get(doubt) for doubt in doubts) or user.get("is_email_confirmed") is False:
        return False
    enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
    ours = bool(home.team_id) and user.get("team_id") == home.team_id
    return ours or (bool(home.enterprise_id) and enterprise == home.enterprise_id)

"""What can go wrong with Jira: who must act, and whether trying again helps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from dejabug.infra.errors import UserError


class JiraError(UserError):
    """Any trouble with Jira."""


class JiraUnavailableError(JiraError):
    """Jira is away, or asks for a pause: `retry_after` seconds, None when it names none; `reason`
    is which of its limits was reached (`RateLimit-Reason`), empty when it names none."""

    def __init__(self, message: str, retry_after: float | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class JiraRefusedError(JiraError):
    """Jira refuses our account or request; a person must change a setting. `status` is HTTP's."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class IssueGoneError(JiraError):
    """The issue is deleted, or hidden from our account."""


class CommentGoneError(JiraError):
    """Our comment was deleted."""


class HooksClosedError(JiraError):
    """Jira's REST API for webhooks is not open to us; a person must use its pages."""


class AttachmentGoneError(JiraError):
    """The attachment is deleted, or hidden from our account."""


class AttachmentTooLargeError(JiraError):
    """The attachment is larger than we download."""


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds of pause from a Retry-After header (RFC 9110: seconds, or a date)."""
    value = (headers or {}).get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def limit_reached(headers: Mapping[str, str] | None) -> str:
    """Which limit Jira says was reached (`RateLimit-Reason`), as one short word, or empty."""
    return "".join((headers or {}).get("RateLimit-Reason", "").split())[:60]


def login_failed(headers: Mapping[str, str] | None) -> bool:
    """Whether Jira took us for nobody: a token that has run out can end in 404 "does not exist",
    and `X-Seraph-LoginReason` then tells it from an issue that is gone."""
    said = (headers or {}).get("X-Seraph-LoginReason", "").upper()
    return any(reason in said for reason in ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"))

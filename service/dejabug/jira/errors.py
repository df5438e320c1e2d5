"""Jira errors, by who must act and whether a retry helps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from dejabug.infra.errors import UserError


class JiraError(UserError):
    """Any error from Jira."""


class JiraUnavailableError(JiraError):
    """Jira is unavailable or requests a pause: `retry_after` seconds, None if it doesn't say;
    `reason` is the limit that was reached (`RateLimit-Reason`), empty if it doesn't say."""

    def __init__(self, message: str, retry_after: float | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class JiraRefusedError(JiraError):
    """Jira rejects our account or request; a person must change a setting. `status`: HTTP
    status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class IssueGoneError(JiraError):
    """The issue is deleted, or hidden from our account."""


class CommentGoneError(JiraError):
    """Our comment was deleted."""


class HooksClosedError(JiraError):
    """Jira's REST API for webhooks isn't available to us; a person must use Jira's pages."""


class AttachmentGoneError(JiraError):
    """The attachment is deleted, or hidden from our account."""


class AttachmentTooLargeError(JiraError):
    """The attachment is larger than DEJABUG_CLIP_MAX_BYTES."""


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
    """Which of Jira's limits was reached (`RateLimit-Reason`), as one short word, or empty."""
    return "".join((headers or {}).get("RateLimit-Reason", "").split())[:60]


def login_failed(headers: Mapping[str, str] | None) -> bool:
    """Whether Jira treated us as anonymous. With an expired token, Jira may answer 404 "does not
    exist"; the header `X-Seraph-LoginReason` distinguishes that from a deleted issue."""
    said = (headers or {}).get("X-Seraph-LoginReason", "").upper()
    return any(reason in said for reason in ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"))

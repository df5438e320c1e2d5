"""What can go wrong with Jira: who must act, and whether trying again helps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


class JiraError(Exception):
    """Any trouble with Jira."""


class JiraUnavailableError(JiraError):
    """Jira is away, or asks for a pause: `retry_after` seconds, None when it names none."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class JiraRefusedError(JiraError):
    """Jira refuses our account or request; a person must change a setting."""


class IssueGoneError(JiraError):
    """The issue is deleted, or hidden from our account."""


class CommentGoneError(JiraError):
    """Our comment was deleted."""


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

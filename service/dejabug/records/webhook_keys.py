"""The Redis keys of webhooks: accepted events, events of our own comments, rejected ones."""

from __future__ import annotations

# How long an event is remembered, so that a repeated one changes nothing. Jira Cloud retries an
# event for about 75 minutes.
EVENT_MEMORY = 24 * 3600  # seconds
# How long an event of our own comment is remembered: `dejabug jira check` waits a minute for it.
ECHO_MEMORY = 300  # seconds
# The counter of webhooks with a wrong signature.
REFUSALS = "dejabug:webhook-refused"


def event_key(digest: str) -> str:
    """The key of a webhook body's digest."""
    return f"dejabug:event:{digest}"


def echo_key(comment_id: str) -> str:
    """The key that the web service sets for an event of this comment of ours, for `jira check`."""
    return f"dejabug:echo:{comment_id}"

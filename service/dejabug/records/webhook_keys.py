"""Where the web remembers webhooks: events that were taken, echoes of our own comments, how many
were refused."""

from __future__ import annotations

# How long one event is remembered, so that its repeats change nothing. Jira Cloud's retries of one
# event span about 75 minutes.
EVENT_MEMORY = 24 * 3600  # seconds
# How long an echo of our own comment is remembered: the check waits a minute for it.
ECHO_MEMORY = 300  # seconds
# Where webhooks with a wrong signature are counted.
REFUSALS = "dejabug:webhook-refused"


def event_key(digest: str) -> str:
    """Where one webhook body is remembered by its digest."""
    return f"dejabug:event:{digest}"


def echo_key(comment_id: str) -> str:
    """Where the web notes that it was told of this comment of ours, for the check of webhooks."""
    return f"dejabug:echo:{comment_id}"

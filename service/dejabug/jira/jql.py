"""The JQL of our searches in Jira, and Jira's timestamps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# A quoted string, in which `order by` is only text, or the start of ORDER BY.
_QUOTED_OR_ORDER = re.compile(
    r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?P<order>\border\s+by\b) """,
    re.IGNORECASE | re.VERBOSE,
)


def unix_time(text: str) -> float | None:
    """A Jira timestamp (`2026-01-12T09:00:00.000+0100`) in Unix seconds; None if it isn't valid."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def without_order(jql: str) -> str:
    """The conditions of a JQL, without its ORDER BY."""
    for found in _QUOTED_OR_ORDER.finditer(jql):
        if found["order"]:
            return jql[: found.start()].strip()
    return jql.strip()


def oldest_first(jql: str, since: float | None = None) -> str:
    """A JQL with its order replaced by the time of creation. With `since` (Unix seconds): only
    issues created since then, or up to two days earlier.

    Dates in JQL are in the time zone of the requesting account; a margin of a day covers all.
    """
    where = without_order(jql)
    if since is not None:
        day = datetime.fromtimestamp(since, UTC) - timedelta(days=1)
        window = f'created >= "{day:%Y-%m-%d}"'
        where = f"({where}) AND {window}" if where else window
    return f"{where} ORDER BY created ASC"


def updated_within(project: str, minutes: int) -> str:
    """JQL for a project's issues that changed in the last so many minutes. Relative times don't
    depend on time zones.

    The latest change comes first: an issue that changes while pages are read moves to the start,
    so that no other issue moves to a page that was already read.
    """
    return f'project = "{project}" AND updated >= -{minutes}m ORDER BY updated DESC'

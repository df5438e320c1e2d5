"""What we ask of Jira's search, in JQL, and Jira's times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# A quoted string, in which `order by` is only words, or the beginning of the order.
_QUOTED_OR_ORDER = re.compile(
    r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?P<order>\border\s+by\b) """,
    re.IGNORECASE | re.VERBOSE,
)


def unix_time(text: str) -> float | None:
    """A time as Jira writes it (`2026-01-12T09:00:00.000+0100`) in Unix seconds; None for none."""
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
    """A JQL in the order of creation, whatever order it had; with `since` (Unix seconds) only
    issues created from then on, and up to two days before.

    Dates in JQL are days in the time zone of the account that asks: a day of margin covers all.
    """
    where = without_order(jql)
    if since is not None:
        day = datetime.fromtimestamp(since, UTC) - timedelta(days=1)
        window = f'created >= "{day:%Y-%m-%d}"'
        where = f"({where}) AND {window}" if where else window
    return f"{where} ORDER BY created ASC"


def updated_within(project: str, minutes: int) -> str:
    """A project's issues that changed in the last so many minutes. Relative times are free of time
    zones.

    The latest change first: one that changes while pages are read goes before those that are read
    already, and moves none to a page that is over.
    """
    return f'project = "{project}" AND updated >= -{minutes}m ORDER BY updated DESC'

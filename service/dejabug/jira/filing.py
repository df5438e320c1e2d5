"""When a ticket was filed, by whom, and who works on it, on one line."""

from __future__ import annotations

import re
from collections.abc import Callable

DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def filed_by(
    created: str,
    reporter: str | None,
    assignee: str | None,
    escape: Callable[[str], str] = str,
) -> str:
    """For example `filed 3 Mar 2025 by Ann Lee · assigned to Bo`; leaves out what is unknown, and
    is empty when nothing is known.

    `created` is a time as Jira writes it, the names are display names. `escape` makes a name safe
    for where the text is shown.
    """
    filed = f"filed {day}" if (day := _day(created)) else ""
    if reporter:
        filed = f"{filed or 'filed'} by {escape(reporter)}"
    assigned = f"assigned to {escape(assignee)}" if assignee else ""
    return " · ".join(filter(None, (filed, assigned)))


def _day(created: str) -> str:
    """The day of a time of Jira's, in the time zone in which Jira gives it: `3 Mar 2025`."""
    found = DAY.match(created)
    if found is None or not 1 <= int(found[2]) <= len(MONTHS):
        return ""
    return f"{int(found[3])} {MONTHS[int(found[2]) - 1]} {found[1]}"

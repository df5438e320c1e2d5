"""The search in the search page's address, so that the page shows it before its script has loaded.

The same rules as in `static/address.js`, which reads the address again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict

from dejabug.web.api.models import LONGEST_WORDS, VALUES

LISTS = ("project", "game", "status", "kind")
DAYS = ("since", "until")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}-[0-9]{1,12}", re.ASCII)
# Characters of a filter's value at most, as in the API.
LONGEST_VALUE = 100


@dataclass(frozen=True)
class AskedSearch:
    """A search: words or a ticket key (`q`), an uploaded clip (`job`), values by filter, and the
    key of the result that is open. `name` is what the search is called."""

    q: str = ""
    job: str = ""
    open: str = ""
    filters: dict[str, list[str]] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.q.strip() or self.job)

    @property
    def name(self) -> str:
        """What the search is called, as in the page's title."""
        if self.job:
            return "your clip"
        words = self.q.strip()
        return words.upper() if KEY.fullmatch(words) else f"“{words}”"

    @property
    def filter_count(self) -> int:
        """How many values the filters have."""
        return sum(map(len, self.filters.values())) + len(self.days)

    @classmethod
    def of(cls, given: MultiDict[str, str]) -> AskedSearch:
        """The search in an address's parameters."""
        opened = given.get("open", "").strip()
        filters = {
            name: sorted({each[:LONGEST_VALUE] for each in given.getlist(name) if each})[:VALUES]
            for name in LISTS
        }
        return cls(
            q=given.get("q", "")[:LONGEST_WORDS],
            job=given.get("job", ""),
            open=opened.upper() if KEY.fullmatch(opened) else "",
            filters=filters,
            days={name: given[name] for name in DAYS if given.get(name)},
        )

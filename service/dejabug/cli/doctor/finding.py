"""The result of a check: the state of a part, and how to fix a problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """The result of one check: what was checked, its state, and how to fix a problem."""

    what: str
    well: bool
    says: str
    remedy: str = ""


class UnwellError(Exception):
    """A check failed; `remedy` says what to do."""

    def __init__(self, says: str, remedy: str) -> None:
        super().__init__(says)
        self.remedy = remedy

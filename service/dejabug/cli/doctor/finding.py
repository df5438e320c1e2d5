"""What a check finds: how a part is, and what to do about one that is not well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it is, and what to do when it is wrong."""

    what: str
    well: bool
    says: str
    remedy: str = ""


class UnwellError(Exception):
    """A part is not as it must be."""

    def __init__(self, says: str, remedy: str) -> None:
        super().__init__(says)
        self.remedy = remedy

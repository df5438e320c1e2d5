"""The tracked list of mutants that may survive, each with a reason, and the verdict on a run.

A survivor is identified by its file, its function, and the lines before and after the change: line
numbers and mutants' numbers change with every edit.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

KNOWN = Path("tools/mutants/survivors.toml")
# The largest share of a package's mutants that may survive, including those with a reason.
MOST_SURVIVORS = 0.1


@dataclass(frozen=True, order=True)
class Survivor:
    """A change of one function that no test noticed. Several lines are joined by a space."""

    file: str
    function: str
    original: str
    mutated: str

    def entry(self) -> str:
        """The entry for the tracked list, with the reason left to fill in."""
        rows = {**vars(self), "reason": ""}
        lines = [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in rows.items()]
        return "\n".join(["[[survivor]]", *lines])


@dataclass(frozen=True)
class Outcome:
    """The result for a package's mutants: how many there were, and which survived."""

    made: int
    killed: int
    timed_out: int
    survived: tuple[Survivor, ...]

    @property
    def share(self) -> float:
        """The share that survived, 0 to 1."""
        return len(self.survived) / self.made if self.made else 0.0

    def __str__(self) -> str:
        noticed = self.killed + self.timed_out
        return (
            f"{self.made} mutants: {noticed} noticed ({self.killed} killed, {self.timed_out} by "
            f"time-out), {len(self.survived)} survived ({self.share:.1%})"
        )


def read_known(path: Path = KNOWN) -> dict[Survivor, str]:
    """The tracked list: survivor → reason. Raises ValueError for an entry that lacks something."""
    known = {}
    for number, row in enumerate(tomllib.loads(path.read_text("utf-8")).get("survivor", ()), 1):
        try:
            survivor = Survivor(row["file"], row["function"], row["original"], row["mutated"])
            reason = str(row["reason"]).strip()
        except KeyError as missing:
            raise ValueError(f"{path}: entry {number} has no {missing}") from missing
        if not reason:
            raise ValueError(f"{path}: entry {number} ({survivor.function}) has no reason")
        known[survivor] = reason
    return known


def complaints(outcome: Outcome, known: Collection[Survivor]) -> list[str]:
    """Why a run fails; empty if it passes."""
    told = []
    unknown = sorted({each for each in outcome.survived if each not in known})
    if unknown:
        entries = "\n\n".join(each.entry() for each in unknown)
        told.append(
            f"These survivors have no reason. Write a test that notices each, or add the entry "
            f"to {KNOWN} with a true reason:\n\n{entries}\n"
        )
    if outcome.share > MOST_SURVIVORS:
        told.append(f"{outcome.share:.1%} survived; at most {MOST_SURVIVORS:.0%} may.")
    return told


def outdated(
    known: Mapping[Survivor, str], survived: Iterable[Survivor], files: Collection[str]
) -> list[Survivor]:
    """Entries of these files that no longer survive, or no longer exist as mutants."""
    alive = set(survived)
    return sorted(each for each in known if each.file in files and each not in alive)

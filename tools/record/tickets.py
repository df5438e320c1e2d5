"""The tickets' texts: what testers wrote about each kind of bug, and about no visible bug."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

Words = tuple[str, str]
"""Summary and description; `{place}` stands for the scene."""

QUIET: tuple[Words, ...] = (
    ("Footsteps too loud in {place}", "Only the sound: they drown the music. Picture is fine."),
    ("Music stops after a minute in {place}", "The track does not loop. Clip is without sound."),
    ("Rumble on the pad never ends in {place}", "Pad keeps shaking after the load. Video for the place."),
    ("Localisation: name of {place} is too long in French", "Seen in the pause menu, clip shows the spot."),
    ("Autosave missing in {place}", "Quit and came back at the start. Nothing to see on screen."),
    ("Pacing of {place} feels slow", "Feedback from the play test, a run for reference."),
    ("Input lag with the wireless pad in {place}", "About a tenth of a second, measured by hand."),
    ("Achievement for {place} does not unlock", "Walked all of it, nothing happened. Run attached."),
    ("Voice line plays twice in {place}", "The second one cuts the first. Only heard, not seen."),
    ("Trophy counter is off by one in {place}", "Number is wrong on the site, the game itself looks right."),
    ("Loading of {place} takes 14 seconds on HDD", "Recording begins after the load."),
    ("Telemetry: no position events in {place}", "The server logs stay empty during this run."),
)  # fmt: skip


@dataclass(frozen=True)
class Bug:
    """`name` and `kind` are the manifest's bug and bug_type; `words` are the bug's tickets."""

    name: str
    kind: str
    words: tuple[Words, ...]


class Tickets:
    """Returns a bug's tickets one after another, so that no two runs have the same text."""

    def __init__(self, bugs: Mapping[str, Bug]) -> None:
        self._bugs = {**{name: bug.words for name, bug in bugs.items()}, "": QUIET}
        self._next = {name: count() for name in self._bugs}

    def write(self, bug: str, place: str) -> Words:
        """The next ticket of a bug (`""`: of no visible bug)."""
        choices = self._bugs[bug]
        summary, description = choices[next(self._next[bug]) % len(choices)]
        return summary.format(place=place), description.format(place=place)

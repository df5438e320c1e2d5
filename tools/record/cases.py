"""What the games from Debian share: which clips are planned, and changing data files for a run."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.record.clips import ClipSet, Encoding, Frame, Recording, numbered
from tools.record.screen import Message, Play, held, play
from tools.record.tickets import Words


@dataclass(frozen=True)
class Case:
    """The tickets of one bug in one place; each ticket gets its own run, and so its own clip.

    Attributes:
        bug: a key of the game's bugs; empty for runs without a bug.
        place: a key of the game's places.
        tickets: summary and description of each ticket.
        first_run: number of the first run; if two cases share a place, so that no route is recorded
            twice.
        dialog: a key of the game's dialogs, which covers a part of the frame for a while.
    """

    bug: str
    place: str
    tickets: tuple[Words, ...]
    first_run: int = 0
    dialog: str = ""


@dataclass(frozen=True)
class Game:
    """A game's cases, and how one run of it is made.

    Attributes:
        name: as tickets write it.
        stem: the prefix of its files and groups.
        bugs: the manifest's bug and bug_type by key.
        scenes: a place's name by key.
        cases: the planned clips of each set.
        run: makes a run of a bug (empty: none) in a place in a separate folder, by the run's number
            and a clip's length in seconds.
        later: cases whose clips are numbered after all others, so that those keep their numbers.
        dialogs: opens a dialog while a run is played, by the case's key.
    """

    name: str
    stem: str
    bugs: Mapping[str, tuple[str, str]]
    scenes: Mapping[str, str]
    cases: Mapping[ClipSet, Sequence[Case]]
    run: Callable[[str, str, int, float, Path], Play]
    later: Mapping[ClipSet, Sequence[Case]] = field(default_factory=dict)
    dialogs: Mapping[str, Callable[[Play], Play]] = field(default_factory=dict)


# Small, for a bundle of a few megabytes; in different sizes and codecs, like testers' tools.
ENCODINGS = (
    (Encoding((320, 180), 12, crf=33, max_kbps=38), "mp4"),
    (Encoding((320, 180), 15, crf=35, max_kbps=38), "mkv"),
    (Encoding((384, 216), 12, crf=35, max_kbps=40), "mp4"),
    (Encoding((320, 180), 12, crf=50, codec="vp9", max_kbps=33), "webm"),
)


def recordings(game: Game, clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The planned clips of a set. A bug that is planned in several places is `related` there."""
    cases, later = game.cases[clip_set], game.later.get(clip_set, ())
    places = Counter(bug for bug, _ in {(case.bug, case.place) for case in (*cases, *later)})
    rng = random.Random(f"{game.stem} {clip_set} {seed}")
    runs = _runs(cases)
    for run, shown in numbered(runs, rng):
        yield _recording(game, run, shown, rng.uniform(5.0, 6.2), places)
    rng = random.Random(f"{game.stem} {clip_set} {seed} later")
    for run, shown in numbered(_runs(later), rng):
        yield _recording(game, run, len(runs) + shown, rng.uniform(5.0, 6.2), places)


def _runs(cases: Sequence[Case]) -> list[tuple[Case, int]]:
    return [(case, number) for case in cases for number in range(len(case.tickets))]


def _recording(
    game: Game, run: tuple[Case, int], shown: int, seconds: float, places: Mapping[str, int]
) -> Recording:
    case, number = run
    encoding, suffix = ENCODINGS[shown % len(ENCODINGS)]
    summary, description = case.tickets[number]
    name, kind = game.bugs[case.bug] if case.bug else (None, None)
    return Recording(
        file=f"{game.stem}-{shown:02d}.{suffix}",
        game=game.name,
        scene=game.scenes[case.place],
        bug=name,
        bug_type=kind,
        group=f"{game.stem}-{case.bug}-{case.place}" if case.bug else None,
        related=f"{game.stem}-{case.bug}" if case.bug and places[case.bug] > 1 else None,
        summary=summary,
        description=description,
        encoding=encoding,
        frames=_frames(game, case, case.first_run + number, seconds, encoding.fps),
    )


def _frames(
    game: Game, case: Case, run: int, seconds: float, fps: int
) -> Callable[[], Iterator[Frame]]:
    def start() -> Iterator[Frame]:
        folder = new_folder(f"{game.stem}-{case.bug or 'quiet'}-{case.place}-{run}")
        made = game.run(case.bug, case.place, run, seconds, folder)
        return play(game.dialogs[case.dialog](made) if case.dialog else made, fps)

    return start


def opened(key: str, start: float, end: float) -> Callable[[Play], Play]:
    """A dialog of the game itself, which a key opens at `start` and closes at `end`, in seconds."""
    # Held for a moment: a game that polls which keys are down may miss a short press.
    steps = (*held(key, start, start + 0.15), *held(key, end, end + 0.15))
    return lambda made: replace(made, steps=(*made.steps, *steps))


def message(text: str, start: float, end: float) -> Callable[[Play], Play]:
    """A system window over the game, from `start` to `end`, in seconds of the clip."""
    return lambda made: replace(made, message=Message(text, start, end))


def new_folder(name: str) -> Path:
    """An empty folder for one run's files, below the checkout's `.state`."""
    folder = Path(".state/record").resolve() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def overlay(source: Path, target: Path, changes: Mapping[str, bytes | None]) -> None:
    """Make `target` a copy of the tree `source` by links, with some files changed.

    Args:
        source: a game's data folder.
        target: the folder to make.
        changes: new content by path below `source`; None leaves the file out.
    """
    target.mkdir(parents=True, exist_ok=True)
    inside = {Path(path).parts[0] for path in changes}
    for entry in source.iterdir():
        if entry.name not in inside:
            (target / entry.name).symlink_to(entry)
    for name in sorted(inside):
        if name in changes:
            content = changes[name]
            if content is not None:
                (target / name).write_bytes(content)
            continue
        deeper = {
            str(Path(path).relative_to(name)): content
            for path, content in changes.items()
            if Path(path).parts[0] == name
        }
        overlay(source / name, target / name, deeper)

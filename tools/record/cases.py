"""What the games from Debian share: which clips are planned, and data files changed for a run."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.record.clips import ClipSet, Encoding, Frame, Recording, numbered
from tools.record.screen import Play, play
from tools.record.tickets import Words


@dataclass(frozen=True)
class Case:
    """The tickets of one bug in one place; each ticket gets a run, and so a clip, of its own.

    Attributes:
        bug: a key of the game's bugs; empty for runs without a bug.
        place: a key of the game's places.
        tickets: summary and description of each ticket.
        first_run: number of the first run; where two cases share a place, so that no route is
            recorded twice.
    """

    bug: str
    place: str
    tickets: tuple[Words, ...]
    first_run: int = 0


@dataclass(frozen=True)
class Game:
    """A game's cases, and how one run of it is made.

    Attributes:
        name: as tickets write it.
        stem: how its files and groups begin.
        bugs: the manifest's bug and bug_type by key.
        scenes: a place's name by key.
        cases: the planned clips of each set.
        run: makes a run of a bug (empty: none) in a place in a folder of its own, by the run's
            number and a clip's length in seconds.
    """

    name: str
    stem: str
    bugs: Mapping[str, tuple[str, str]]
    scenes: Mapping[str, str]
    cases: Mapping[ClipSet, Sequence[Case]]
    run: Callable[[str, str, int, float, Path], Play]


# Small, for a bundle of a few megabytes; other sizes and codecs, as testers' tools have them.
ENCODINGS = (
    (Encoding((320, 180), 12, crf=33, max_kbps=38), "mp4"),
    (Encoding((320, 180), 15, crf=35, max_kbps=38), "mkv"),
    (Encoding((384, 216), 12, crf=35, max_kbps=40), "mp4"),
    (Encoding((320, 180), 12, crf=50, codec="vp9", max_kbps=33), "webm"),
)


def recordings(game: Game, clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The planned clips of a set. A bug that is planned in several places is `related` there."""
    rng = random.Random(f"{game.stem} {clip_set} {seed}")
    cases = game.cases[clip_set]
    places = Counter(case.bug for case in cases if case.bug)
    runs = [(case, number) for case in cases for number in range(len(case.tickets))]
    for (case, number), shown in numbered(runs, rng):
        encoding, suffix = ENCODINGS[shown % len(ENCODINGS)]
        summary, description = case.tickets[number]
        name, kind = game.bugs[case.bug] if case.bug else (None, None)
        file = f"{game.stem}-{shown:02d}.{suffix}"
        run = case.first_run + number
        yield Recording(
            file=file,
            game=game.name,
            scene=game.scenes[case.place],
            bug=name,
            bug_type=kind,
            group=f"{game.stem}-{case.bug}-{case.place}" if case.bug else None,
            related=f"{game.stem}-{case.bug}" if places[case.bug] > 1 else None,
            summary=summary,
            description=description,
            encoding=encoding,
            frames=_frames(game, case, run, rng.uniform(5.0, 6.2), encoding.fps),
        )


def _frames(
    game: Game, case: Case, run: int, seconds: float, fps: int
) -> Callable[[], Iterator[Frame]]:
    def start() -> Iterator[Frame]:
        folder = new_folder(f"{game.stem}-{case.bug or 'quiet'}-{case.place}-{run}")
        return play(game.run(case.bug, case.place, run, seconds, folder), fps)

    return start


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

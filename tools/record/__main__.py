"""`python -m tools.record`: record clips of the named games into a folder."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import get_args

from tools.record.clips import ClipSet, Recording, merge_manifest, record
from tools.record.rerecord import again
from tools.record.screen import RecorderError
from tools.record.words.again import RERECORDINGS

GAMES = ("crafter", "doom", "mujoco", "supertux", "torcs", "minetest")
# Not a game: re-recordings of the games' clips that are already in the folder.
AGAIN = "again"


def main() -> int:
    """Parse the arguments, record, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.record", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and manifests")
    parser.add_argument(
        "--games",
        default=",".join((*GAMES, AGAIN)),
        help=f"comma-separated (default: %(default)s); {AGAIN}: re-recordings of existing clips",
    )
    parser.add_argument("--set", dest="clip_set", choices=get_args(ClipSet), default="demo")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other routes")
    parser.add_argument("--only", help="record only the clips whose file name contains this")
    arguments = parser.parse_args()

    games = arguments.games.split(",")
    unknown = sorted(set(games) - {*GAMES, AGAIN})
    if unknown:
        parser.error(f"no such game: {', '.join(unknown)}; there are {', '.join((*GAMES, AGAIN))}")
    try:
        # All plans before the first clip, so that missing packages are reported at once.
        plans = {
            game: _plan(game, arguments.clip_set, arguments.seed) for game in games if game != AGAIN
        }
        for game, planned in plans.items():
            _record_game(game, planned, arguments.out, arguments.only)
            # Labels of clips that --only left out stay valid, so the manifest lists the whole plan.
            merge_manifest(planned, arguments.out / "manifest.jsonl")
        if AGAIN in games:
            _record_again(arguments.clip_set, arguments.out, arguments.only)
    except RecorderError as error:
        print(f"cannot record: {error}", file=sys.stderr)
        return 1
    return 0


def _plan(game: str, clip_set: ClipSet, seed: int) -> list[Recording]:
    return list(importlib.import_module(f"tools.record.{game}").recordings(clip_set, seed))


def _record_again(clip_set: ClipSet, folder: Path, only: str | None) -> None:
    manifest = folder / "manifest.jsonl"
    made = list(again(RERECORDINGS[clip_set], clip_set, manifest))
    _record_game(AGAIN, [item for item, _ in made], folder, only)
    originals = {item.file: original for item, original in made}
    merge_manifest([item for item, _ in made], manifest, originals)


def _record_game(game: str, planned: list[Recording], folder: Path, only: str | None) -> None:
    chosen = [item for item in planned if only is None or only in item.file]
    total = 0
    for number, item in enumerate(chosen, start=1):
        started = time.monotonic()
        size = record(item, folder).stat().st_size
        total += size
        print(
            f"{game} {number}/{len(chosen)}  {item.file}  {size / 1000:.0f} kB"
            f"  {item.bug or 'bug-free'}  {time.monotonic() - started:.1f} s",
            flush=True,
        )
    print(f"{game}: {len(chosen)} clips, {total / 1e6:.2f} MB in {folder}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

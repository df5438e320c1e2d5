"""How many re-recordings (dark, small, filmed) find their original's bug first.

    python -m tools.copies service/dejabug/demo/clips        # 20 clips, 60 re-recordings

Records clips of a data set again (tools/record/rerecord.py) and searches with each new one as with
an upload: it never enters the index. A result is right when the first one is the original or
another clip of its bug. Re-recordings that are already in the set are left out, so that none is
found for another. Also shows the in-step correlation of the new clip and its original, and that of
clips of different recordings: this is how copies are recognised.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dejabug import media, ranking
from dejabug.evaluation.corpus import Corpus, Item, indexed
from dejabug.ingest.clip_indexer import signature_of
from dejabug.ranking import TimedVectors
from dejabug.services import ModelServices
from dejabug.settings import Settings
from tools.record.rerecord import LOOKS, Look, write_again

console = Console()


def chosen(corpus: Corpus, clips: int) -> list[Item]:
    """Clips with a duplicate, shuffled; one of each bug before the second of any."""
    rng = random.Random(0)
    queries = [item for item in corpus.queries() if not item.still]
    rng.shuffle(queries)
    seen: dict[str | None, int] = {}
    turns = []
    for item in queries:
        turns.append(seen.get(item.group, 0))
        seen[item.group] = turns[-1] + 1
    return [queries[n] for n in np.argsort(turns, kind="stable")[:clips]]


def ask(corpus: Corpus, item: Item, clip: Path) -> tuple[str | None, float, float]:
    """A re-recording's first result (None: none), the original's score, and the in-step correlation
    of the re-recording and the original. Raises ClipError."""
    services = corpus.services
    if not isinstance(services, ModelServices):
        raise TypeError("the corpus has no model")
    frames = services.clip_indexer.sample(clip)
    vectors = TimedVectors(frames.times, services.encoder.embed_images(frames.pixels))
    signature = signature_of(frames)
    projects = [services.collections.active.index.places([item.clip_id])[item.clip_id].project]
    found = services.retrievers.active.like(vectors, projects, signature=signature)
    original = next((match.score for match in found if match.clip_id == item.clip_id), 0.0)
    known = services.collections.active.index.signatures([item.clip_id])[item.clip_id]
    step = ranking.likeness_in_step(ranking.motion_of(signature), ranking.motion_of(known))
    return (found[0].clip_id if found else None, original, step)


def originals(data_set: Path, folder: Path) -> Path:
    """A data set without its re-recordings, in a folder of links; returns the folder."""
    source = data_set if data_set.is_dir() else data_set.parent
    lines = (source / "manifest.jsonl").read_text("utf-8").splitlines()
    kept = [line for line in lines if "recording_of" not in json.loads(line)]
    (folder / "manifest.jsonl").write_text("\n".join(kept) + "\n", "utf-8")
    for line in kept:
        file = json.loads(line)["file"]
        (folder / file).symlink_to((source / file).resolve())
    return folder


def others_in_step(corpus: Corpus) -> dict[str, list[float]]:
    """The in-step correlation of clips of different recordings, by game; each clip's greatest."""
    signatures = corpus.services.collections.active.index.signatures(
        item.clip_id for item in corpus.items
    )
    motions = {clip: ranking.motion_of(each) for clip, each in signatures.items()}
    found: dict[str, list[float]] = {}
    for item in track(corpus.items, "Comparing others", console=console, transient=True):
        if item.clip_id not in motions:
            continue
        likeness = [
            ranking.likeness_in_step(motions[item.clip_id], motions[other.clip_id])
            for other in corpus.items
            if other.game == item.game and other is not item and other.clip_id in motions
        ]
        found.setdefault(item.game, []).append(max(likeness, default=0.0))
    return found


def tables(corpus: Corpus, folder: Path, clips: int, made: Path) -> Iterator[Table]:
    """The tables to show. `folder` has the originals, `made` takes the re-recordings."""
    asked = chosen(corpus, clips)
    looks = Table("look", "clips", "bug first", "original ≥ 0.9", "in step, median (least)")
    right: dict[tuple[str, Look], list[bool]] = {}
    for look in LOOKS:
        steps, scores, hits = [], [], []
        for variant, item in enumerate(track(asked, look, console=console, transient=True)):
            clip = write_again(folder / item.name, look, variant, made)
            try:
                first, score, step = ask(corpus, item, clip)
            except media.ClipError as error:
                console.print(f"[red]{clip.name}: {error}[/]")
                first, score, step = None, 0.0, 0.0
            bug = {item.clip_id, *(other.clip_id for other in corpus.relevant(item))}
            hits.append(first in bug)
            right.setdefault((item.game, look), []).append(first in bug)
            steps.append(step)
            scores.append(score)
        sure = sum(score >= 0.9 for score in scores)
        in_step = f"{np.median(steps):.2f} ({min(steps):.2f})"
        looks.add_row(look, str(len(hits)), str(sum(hits)), str(sure), in_step)
    yield looks
    games = Table("game", *LOOKS)
    for game in sorted({game for game, _ in right}):
        found = [right[game, look] for look in LOOKS]
        games.add_row(game, *(f"{sum(each)}/{len(each)}" for each in found))
    yield games
    different = Table("other recordings in step", "clips", "median", "greatest")
    for game, values in sorted(others_in_step(corpus).items()):
        different.add_row(game, str(len(values)), f"{np.median(values):.2f}", f"{max(values):.2f}")
    yield different


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.copies", description=__doc__)
    parser.add_argument("data_set", type=Path, help="`manifest.jsonl`, or its folder")
    parser.add_argument("--clips", type=int, default=20, help="how many (default: %(default)s)")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as linked,
        tempfile.TemporaryDirectory() as made,
    ):
        folder = originals(arguments.data_set, Path(linked))
        console.print("Indexing the originals …")
        with indexed(folder, Settings(encoder="starter")) as corpus:
            for table in tables(corpus, folder, arguments.clips, Path(made)):
                console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Random files for the whole path from a file to its frames, ffmpeg included.

No coverage guides it; it starts from a corpus of files that each reach another part of ffmpeg.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dejabug import media
from tools.fuzz.mutate import mutated
from tools.hostile.trial import Trial, Verdict, try_files

LIMITS = media.Limits(timeout_seconds=5, memory_bytes=640 * 2**20)
BATCH = 200  # files


@dataclass
class Tally:
    """How many files were read, the outcomes, and which are findings."""

    read: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Verdict] = field(default_factory=list)


def fuzz_decoder(
    corpus: Sequence[bytes],
    seconds: float,
    seed: int,
    program: str,
    keep: Path,
    *,
    most: int | None = None,
) -> Tally:
    """Read files made from those of a corpus for some seconds, or `most` of them; findings are kept
    in a folder."""
    tally, chance = Tally(), random.Random(seed)
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while time.monotonic() < until and (most is None or tally.read < most):
            size = BATCH if most is None else min(BATCH, most - tally.read)
            paths = list(_batch(corpus, chance, Path(folder), tally.read, size))
            for path, verdict in zip(paths, try_files(paths, Trial(LIMITS, program)), strict=True):
                tally.outcomes[verdict.outcome] += 1
                if is_finding(verdict):
                    tally.findings.append(verdict)
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / path.name).write_bytes(path.read_bytes())
                path.unlink()
            tally.read += len(paths)
    return tally


def is_finding(verdict: Verdict) -> bool:
    """Whether a file did what none may: break our code, crash ffmpeg, exceed its limits, or leave
    or show something. A crash of ffmpeg is contained, but worth checking."""
    return (
        verdict.outcome in ("broken", "crashed")
        or verdict.peak_bytes > LIMITS.memory_bytes
        or verdict.canary
        or bool(verdict.left)
    )


def _batch(
    corpus: Sequence[bytes], chance: random.Random, folder: Path, first: int, size: int
) -> Iterator[Path]:
    for number in range(first, first + size):
        path = folder / f"{number:07d}"
        path.write_bytes(mutated(chance.choice(corpus), chance, corpus))
        yield path

"""All malicious files, in order, the same for the same seed and the same ffmpeg."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.hostile.bases import make_bases
from tools.hostile.bombs import bombs
from tools.hostile.boxes import boxed
from tools.hostile.damage import damaged
from tools.hostile.kinds import Bait, Hostile
from tools.hostile.posing import posing
from tools.hostile.reaching import reaching
from tools.hostile.sizes import sized
from tools.hostile.strangers import strangers
from tools.hostile.streams import crowded
from tools.hostile.times import timed

# The canary's colour: nothing else here has it.
CANARY = (255, 0, 144)
SEED = 20


def hostile_files(bait: Bait, program: str, seed: int = SEED) -> Iterator[Hostile]:
    """Every file; `program` is the ffmpeg that writes the valid ones they are made from."""
    with tempfile.TemporaryDirectory() as folder:
        bases = make_bases(Path(folder), program)
    yield from damaged(bases, seed)
    yield from boxed(bases)
    yield from sized(bases)
    yield from timed(bases)
    yield from crowded()
    yield from posing()
    yield from reaching(bait, bases)
    yield from strangers(bases, seed)
    yield from bombs(program)


def write_canary(path: Path, program: str) -> Path:
    """A clip of one colour that must never appear in the frames of another file."""
    red, green, blue = CANARY
    source = f"color=0x{red:02x}{green:02x}{blue:02x}:size=128x96:rate=10:duration=2"
    subprocess.run(
        [program, "-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", source, "-c:v", "libx264",
         "-f", "mpegts", f"file:{path}"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return path

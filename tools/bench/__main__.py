"""`python -m tools.bench`: how many times faster than the naive implementation, on this machine.

Both implementations run alternately, so that a busy machine slows both. The figure is the ratio of
medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from dejabug import media
from dejabug.encoders.starter import StarterEncoder
from dejabug.media import find_ffmpeg

RUNS = 3
SECONDS, SIZE, FPS = 20, "1920x1080", 60
RATE = 2.0
SHORT_SIDE = 260
FRAMES = 48


def main() -> None:
    """Run the pairs and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each (default: 3)")
    runs = parser.parse_args().runs
    table = Table("task", "naive", "ours", "times as fast")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        _make_clip(clip)
        _row(
            table,
            f"sample a {SECONDS} s clip, {SIZE} at {FPS}/s, H.264",
            lambda: _decode_all(clip),
            lambda: media.sample_frames(clip, rate=RATE, max_frames=120, short_side=SHORT_SIDE),
            runs,
        )
    pixels = np.random.default_rng(0).integers(0, 255, (FRAMES, 260, 462, 3), dtype=np.uint8)
    plain = StarterEncoder(dtype=torch.float32, batch_size=1)
    ours = StarterEncoder()
    _row(
        table,
        f"embed {FRAMES} frames, {ours.label}",
        lambda: plain.embed_images(pixels),
        lambda: ours.embed_images(pixels),
        runs,
    )
    Console(width=140).print(table)


def _row(
    table: Table, what: str, naive: Callable[[], object], ours: Callable[[], object], runs: int
) -> None:
    slow, fast = [], []
    for _ in range(runs):
        slow.append(_seconds(naive))
        fast.append(_seconds(ours))
    before, after = statistics.median(slow), statistics.median(fast)
    table.add_row(what, f"{before:.2f} s", f"{after:.2f} s", f"{before / after:.1f}")


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _decode_all(clip: Path) -> list[Image.Image]:
    """The naive way: decode every frame at full size, then keep every n-th one and scale it."""
    width, height = (int(part) for part in SIZE.split("x"))
    command = [
        find_ffmpeg(), "-v", "error", "-i", str(clip),
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    ]  # fmt: skip
    kept = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        number = 0
        while len(raw := child.stdout.read(width * height * 3)) == width * height * 3:
            if number % round(FPS / RATE) == 0:
                image = Image.frombuffer("RGB", (width, height), raw)
                kept.append(image.resize((round(SHORT_SIDE * width / height), SHORT_SIDE)))
            number += 1
    return kept


def _make_clip(path: Path) -> None:
    """A moving test image, encoded as capture tools do, with B-frames."""
    command = [
        find_ffmpeg(), "-v", "error", "-f", "lavfi",
        "-i", f"testsrc2=size={SIZE}:rate={FPS}:duration={SECONDS}",
        "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()

"""A disk that fills up: a small separate one, and a file that takes the free space."""

from __future__ import annotations

import contextlib
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

SIZE = 256  # megabytes
# Seconds between two times that it is full, and that it stays full.
BETWEEN, FULL = (8.0, 20.0), 4.0
BLOCK = bytes(1 << 20)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk at this folder; False without root."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=1777", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def fill_again_and_again(folder: Path, calm: threading.Event, chance: random.Random) -> int:
    """Fill the disk for some seconds, now and then, until `calm`; returns how many times."""
    filler, times = folder / "filler", 0
    while not calm.wait(chance.uniform(*BETWEEN)):
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(BLOCK)
        times += 1
        calm.wait(FULL)
        filler.unlink(missing_ok=True)
    return times

"""Reads malicious files as a worker's job does, each in a separate, watched process.

Run as a program, it is the process that forks for each file: it has no threads, reads one path per
line and answers with one verdict per line.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dejabug import media
from tools.hostile.catalogue import CANARY

ROOT = Path(__file__).parents[2]
FRAMES = "frames"
# Seconds that a process may take beyond its time limit, for the steps between the children.
GRACE = 5.0
# A pixel belongs to the canary if no channel differs from its colour by more than this; a frame
# shows the canary if more than this share of its pixels does.
NEAR = 40
SHARE = 0.2


@dataclass(frozen=True)
class Trial:
    """How files are read: within these limits, by this ffmpeg, and with or without a preview."""

    limits: media.Limits
    program: str
    previews: bool = False


@dataclass(frozen=True)
class Verdict:
    """The result for one file.

    `outcome`: `frames`, a code of ClipError, or `broken` for anything else, which `says` explains;
    `preview` likewise, empty if none was made. `seconds` of wall clock; `peak_bytes` of resident
    memory, of the reading process or any of its children. `left`: what it left behind.
    """

    name: str
    outcome: str
    says: str = ""
    frames: int = 0
    preview: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    canary: bool = False
    left: list[str] = field(default_factory=list)


def try_files(paths: Sequence[Path], trial: Trial, *, processes: int = 2) -> list[Verdict]:
    """Read files in several processes at once; returns their verdicts, in the order of the files."""
    waiting: queue.SimpleQueue[tuple[int, Path]] = queue.SimpleQueue()
    for numbered in enumerate(paths):
        waiting.put(numbered)

    def work() -> list[tuple[int, Verdict]]:
        found = []
        with (
            tempfile.TemporaryDirectory(prefix="hostile-") as folder,
            _forker(trial, folder) as child,
        ):
            assert child.stdin is not None
            assert child.stdout is not None
            while not waiting.empty():
                try:
                    number, path = waiting.get_nowait()
                except queue.Empty:
                    break
                child.stdin.write(json.dumps(str(path)) + "\n")
                child.stdin.flush()
                said = child.stdout.readline()
                if not said:
                    raise RuntimeError(f"the process that reads {path.name} has ended; see above")
                found.append((number, Verdict(**json.loads(said))))
            child.stdin.close()
        return found

    with ThreadPoolExecutor(processes) as pool:
        parts = [pool.submit(work) for _ in range(processes)]
        numbered_verdicts = [pair for part in parts for pair in part.result()]
    return [verdict for _, verdict in sorted(numbered_verdicts, key=lambda pair: pair[0])]


def _forker(trial: Trial, folder: str) -> subprocess.Popen[str]:
    told = {**asdict(trial), "limits": asdict(trial.limits)}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.hostile.trial", json.dumps(told)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    """Answer each path on standard input with a verdict."""
    told = json.loads(sys.argv[1])
    trial = Trial(media.Limits(**told.pop("limits")), **told)
    for line in sys.stdin:
        print(json.dumps(asdict(_watched(Path(json.loads(line)), trial))), flush=True)


def _watched(path: Path, trial: Trial) -> Verdict:
    """Read one file in a fork, and check that it ends well and leaves nothing behind."""
    started = time.monotonic()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.write(writing, json.dumps(_read(path, trial)).encode())
        os._exit(0)
    os.close(writing)
    # Sampling and a preview have a time limit each.
    longest = trial.limits.timeout_seconds * (1 + trial.previews) + GRACE
    late = not select.select([reading], [], [], longest)[0]
    if late:
        os.kill(pid, signal.SIGKILL)
    said = os.read(reading, 65536)
    os.close(reading)
    _, status, used = os.wait4(pid, 0)
    told: dict[str, Any] = {"outcome": "broken", "says": f"exit status {status}"}
    if late:
        told["says"] = f"it was still running after {longest:g} s"
    elif said:
        told = json.loads(said)
    folder = Path(tempfile.gettempdir())
    told["left"] = [*told.get("left", []), *(path.name for path in folder.iterdir())]
    seconds = time.monotonic() - started
    return Verdict(path.name, **told, seconds=seconds, peak_bytes=used.ru_maxrss * 1024)


def _read(path: Path, trial: Trial) -> dict[str, Any]:
    told: dict[str, Any] = {}
    try:
        # As `clip_indexer.sample` does by default.
        # Also those of one colour: many of the files, and the canary, have no others.
        frames = media.sample_frames(
            path, limits=trial.limits, program=trial.program, drop_duplicates=False
        )
        told = {"outcome": FRAMES, "frames": len(frames.times)}
        told["canary"] = _shows_canary(frames.pixels)
    except media.ClipError as error:
        told = {"outcome": error.code, "says": str(error)}
    except Exception as error:  # noqa: BLE001 (this is what is looked for)
        told = {"outcome": "broken", "says": f"{type(error).__name__}: {error}"[:500]}
    if trial.previews:
        told["preview"] = _copied(path, trial)
    try:
        os.waitpid(-1, os.WNOHANG)
        told["left"] = ["a child"]
    except ChildProcessError:
        pass
    return told


def _copied(path: Path, trial: Trial) -> str:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "preview.mp4"
        try:
            media.make_preview(path, target, limits=trial.limits, program=trial.program)
            copy = media.sample_frames(target, program=trial.program, drop_duplicates=False)
            return "the canary" if _shows_canary(copy.pixels) else FRAMES
        except media.ClipError as error:
            return error.code
        except Exception as error:  # noqa: BLE001
            return f"broken: {type(error).__name__}: {error}"[:500]


def _shows_canary(pixels: Any) -> bool:
    near = np.abs(pixels.astype(np.int16) - np.array(CANARY, np.int16)).max(axis=3) < NEAR
    return bool((near.mean(axis=(1, 2)) > SHARE).any())


def slowest(verdicts: Iterable[Verdict], count: int) -> list[Verdict]:
    """Those that took longest."""
    return sorted(verdicts, key=lambda verdict: -verdict.seconds)[:count]


if __name__ == "__main__":
    main()

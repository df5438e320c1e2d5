"""`python -m tools.bench.questions`: how long a search takes with 100,000 frames.

From HTTP request to complete response, over loopback, with the web service, one worker and a
stand-in Jira as separate processes, and a real Redis. Every query is different. Then clips of 20
seconds are uploaded to search with, and the same queries run while another worker reads clips.
"""

from __future__ import annotations

import argparse
import itertools
import random
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import requests
from rich.console import Console
from rich.table import Table

from dejabug.media import find_ffmpeg
from tools.bench.studio import Running, running

FRAMES, QUESTIONS, CLIENTS, UPLOADS = 100_000, 400, 8, 5
# Queries before the measurement starts: they fill caches and open connections.
WARM_UP = 20
CLIP_SECONDS, CLIP_SIZE = 20, "1280x720"
WHO = (
    "a car",
    "the truck",
    "a monster",
    "the player",
    "a zombie",
    "a cow",
    "the camera",
    "a sword",
)
WHAT = (
    "sinks into", "floats above", "falls through", "is stuck in", "spins around", "flickers near",
    "clips into", "shakes beside", "stretches over", "vanishes behind",
)  # fmt: skip
WHERE = (
    "the road", "a wall", "the grass", "the water", "a tree", "the stairs", "the dark caves",
    "the loading bay", "a crate", "the sky", "a door", "the blue floor",
)  # fmt: skip


def main() -> None:
    """Build the studio, run the queries, and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.questions", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"default: {FRAMES:,}")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="queries per round")
    parser.add_argument("--index", choices=("auto", "flat", "hnsw"), default="auto")
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with running(Path(folder), options.frames, algorithm=options.index) as here:
            active = here.services.collections.active
            state = active.index.state()
            console.print(
                f"{state.frames:,} frames, {state.algorithm}, {active.label()}; "
                f"built in {time.monotonic() - started:.0f} s"
            )
            questions = _questions()
            _ask(here, itertools.islice(questions, WARM_UP), 1)
            table = Table("queries", "p50", "p90", "p99", "per second")
            for clients in (1, CLIENTS):
                some = itertools.islice(questions, options.questions)
                _row(table, f"{clients} at once", *_ask(here, some, clients))
            console.print(table)
            clip = _make_clip(Path(folder) / "clip.mp4")
            uploads = [_upload(here, clip) for _ in range(UPLOADS)]
            console.print(
                f"uploaded clip of {CLIP_SECONDS} s, {CLIP_SIZE}: answered in "
                f"{np.median(uploads):.2f} s (median of {UPLOADS}), {max(uploads):.2f} s at most"
            )
            done = threading.Event()
            busy = threading.Thread(target=_keep_uploading, args=(here, clip, done))
            busy.start()
            table = Table("queries during uploads", "p50", "p90", "p99", "per second")
            _row(table, "1 at once", *_ask(here, itertools.islice(questions, 100), 1))
            done.set()
            busy.join()
            console.print(table)


def _questions() -> itertools.chain[str]:
    every = [" ".join(words) for words in itertools.product(WHO, WHAT, WHERE)]
    random.Random(0).shuffle(every)
    return itertools.chain(every, (f"{words} again" for words in every))


def _ask(here: Running, questions: object, clients: int) -> tuple[np.ndarray, float]:
    """Seconds that each query took, and seconds for all of them together."""
    local = threading.local()

    def ask(words: str) -> float:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.trust_env = False
            local.session.headers["Authorization"] = f"Bearer {here.token}"
        started = time.perf_counter()
        # Unlikely results too: not every query has a likely one.
        asked = {"q": words, "unlikely": "true"}
        answer = local.session.get(f"{here.address}/api/v1/search", params=asked, timeout=30)
        took = time.perf_counter() - started
        answer.raise_for_status()
        if not answer.json()["results"]:
            raise RuntimeError(f"no results for: {words}")
        return took

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = np.array(list(pool.map(ask, questions)))
    return times, time.perf_counter() - started


def _row(table: Table, name: str, times: np.ndarray, together: float) -> None:
    figures = [f"{1000 * each:.0f} ms" for each in np.percentile(times, (50, 90, 99))]
    table.add_row(name, *figures, f"{len(times) / together:.0f}")


def _upload(here: Running, clip: Path) -> float:
    """Seconds until an uploaded clip's results are ready."""
    header = {"Authorization": f"Bearer {here.token}"}
    started = time.perf_counter()
    with clip.open("rb") as file:
        address = f"{here.address}/api/v1/search/clip"
        answer = requests.post(address, files={"file": file}, headers=header, timeout=60)
    job = answer.json()
    while job["state"] not in ("done", "failed"):
        time.sleep(0.1)
        address = f"{here.address}/api/v1/jobs/{job['id']}"
        job = requests.get(address, headers=header, timeout=60).json()
    if job["state"] != "done" or not job["results"]["results"]:
        raise RuntimeError(f"the upload failed: {job}")
    return time.perf_counter() - started


def _keep_uploading(here: Running, clip: Path, done: threading.Event) -> None:
    while not done.is_set():
        _upload(here, clip)


def _make_clip(path: Path) -> Path:
    command = [
        find_ffmpeg(), "-v", "error", "-f", "lavfi",
        "-i", f"testsrc2=size={CLIP_SIZE}:rate=30:duration={CLIP_SECONDS}",
        "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return path


if __name__ == "__main__":
    main()

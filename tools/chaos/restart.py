"""`python -m tools.chaos.restart`: Redis is killed under 100,000 frames, and somebody keeps asking.

Every answer must be honest: what was found before, or 503 with when to ask again; never a part of
it, and never nothing. When Redis is whole again, each frame must be there.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis
import requests
from rich.console import Console

from tools.bench.studio import Running, running

FRAMES = 100_000
QUESTIONS = ("a car sinks into the road", "a cow floats", "dark caves", "the player is stuck")
# Results that are compared. HNSW is built anew, and finds 98 of 100 best clips, each time others.
BEST, SAME = 10, 0.8
# Seconds between two questions, and for Redis to be whole again.
PAUSE, PATIENCE = 0.1, 900.0


@dataclass(frozen=True)
class Answer:
    """What was said, so many seconds after the kill: the best results' keys where it was 200."""

    after: float
    status: int
    best: tuple[str, ...]
    why: str


def main() -> int:
    """Kill Redis once, and print how it went; 0 when all was honest and nothing is lost."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos.restart", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"default: {FRAMES:,}")
    options = parser.parse_args()
    console = Console(width=120, soft_wrap=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), options.frames, algorithm="auto", keep=True) as here,
    ):
        before, known = here.place.index.state(), [ask(here, words) for words in QUESTIONS]
        time.sleep(2)  # an append-only file is written through once a second
        said, loaded, whole = _kill(here)
        after = here.place.index.state()
    answered = [(number, each) for number, each in said if each.status == 200]
    alike = [_share(each.best, known[number].best) for number, each in answered]
    refused = Counter(re.sub(r"\d+%", "…", each.why) for _, each in said if each.status == 503)
    other = Counter(each.status for _, each in said if each.status not in (200, 503))
    console.print(f"{before.frames:,} frames, {before.algorithm}; Redis killed with SIGKILL")
    console.print(f"read again after {loaded:.1f} s, index whole and answering after {whole:.1f} s")
    for why, count in refused.most_common():
        console.print(f"  503, {count} times: {why}")
    console.print(
        f"  200, {len(alike)} times: {min(alike, default=0):.0%} of the {BEST} best as before, "
        "at the least"
    )
    wrong = []
    if after.frames != before.frames or after.failures:
        wrong.append(f"{before.frames:,} frames became {after.frames:,}, {after.failures} failed")
    if other:
        wrong.append(f"other answers: {dict(other)}")
    if not alike or min(alike) < SAME:
        wrong.append("an answer was not what was found before")
    for each in wrong:
        console.print(f"[red]{each}[/]")
    return 1 if wrong else 0


def ask(here: Running, words: str) -> Answer:
    """One question at the service's door; `after` counts from the question."""
    started = time.monotonic()
    header = {"Authorization": f"Bearer {here.token}"}
    query: dict[str, str | int] = {"q": words, "limit": BEST}
    answer = requests.get(f"{here.address}/api/v1/search", params=query, headers=header, timeout=60)
    body = answer.json()
    best = tuple(found["key"] for found in body.get("results", ()))
    why = str(body.get("detail", ""))
    return Answer(time.monotonic() - started, answer.status_code, best, why)


def _kill(here: Running) -> tuple[list[tuple[int, Answer]], float, float]:
    """Kill Redis and start it again: all answers, and the seconds until its data was read, and
    until it answered from all of it."""
    said: list[tuple[int, Answer]] = []
    done = threading.Event()
    began = time.monotonic()

    def keep_asking() -> None:
        number = 0
        while not done.wait(PAUSE):
            answer = ask(here, QUESTIONS[number % len(QUESTIONS)])
            at = time.monotonic() - began
            said.append(
                (number % len(QUESTIONS), Answer(at, answer.status, answer.best, answer.why))
            )
            number += 1

    asking = threading.Thread(target=keep_asking)
    here.server.kill()
    asking.start()
    try:
        time.sleep(1)
        here.server.start()
        loaded = time.monotonic() - began
        while not _whole(here, said):
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"not whole within {PATIENCE:.0f} s: {said[-1:]}")
            time.sleep(PAUSE)
        whole = next(each.after for _, each in said if each.status == 200)
        time.sleep(5)  # some more answers, now of all of it
    finally:
        done.set()
        asking.join()
    return said, loaded, whole


def _whole(here: Running, said: list[tuple[int, Answer]]) -> bool:
    try:
        return here.place.index.state().ready and said[-1][1].status == 200
    except (redis.RedisError, IndexError):
        return False


def _share(best: Sequence[str], known: Sequence[str]) -> float:
    return len(set(best) & set(known)) / len(known)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tools.chaos.restart`: Redis is killed under 100,000 frames, and somebody keeps asking.

Every answer must be honest: what was found before, or 503 with when to ask again; never a part of
it, and never nothing. When Redis is whole again, each frame must be there. Webhooks come all the
while; with `--apart`, vectors have a Redis of their own, and none may be refused.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
import requests
from rich.console import Console

from dejabug.jira.webhook_events import sign
from tools.bench.studio import WEBHOOK_SECRET, Running, running

FRAMES = 100_000
QUESTIONS = ("a car sinks into the road", "a cow floats", "dark caves", "the player is stuck")
# Results that are compared. HNSW is built again, and finds 98 of 100 best clips, each time others.
BEST, SAME = 10, 0.8
# Seconds between two questions, and for Redis to be whole again.
PAUSE, PATIENCE = 0.1, 900.0


@dataclass(frozen=True)
class Answer:
    """What was said to these words, and when (seconds of the monotonic clock): the best results'
    keys where it was 200; `again`: whether it says when to ask again."""

    words: str
    at: float
    status: int
    best: tuple[str, ...]
    why: str
    again: bool


def main() -> int:
    """Kill Redis once, and print how it went; 0 when all was honest and nothing is lost."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos.restart", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"default: {FRAMES:,}")
    parser.add_argument(
        "--apart", action="store_true", help="vectors have a Redis of their own, which is killed"
    )
    options = parser.parse_args()
    console = Console(width=120, soft_wrap=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            Path(folder), options.frames, algorithm="auto", keep=True, apart=options.apart
        ) as here,
    ):
        before = here.services.collections.active.index.state()
        known = {words: ask(here, words).best for words in QUESTIONS}
        time.sleep(2)  # an append-only file is written through once a second
        with _webhooks(here) as taken:
            said, loaded, whole = _kill(here)
        after = here.services.collections.active.index.state()
    alike = [_share(each.best, known[each.words]) for each in said if each.status == 200]
    honest = [each for each in said if each.status == 503 and each.again]
    refused = Counter(re.sub(r"\d+%", "…", each.why) for each in honest)
    other = Counter(each.status for each in said if each.status != 200 and each not in honest)
    which = "the vectors' own Redis" if options.apart else "Redis"
    console.print(f"{before.frames:,} frames, {before.algorithm}; {which} killed with SIGKILL")
    console.print(f"read again after {loaded:.1f} s, index whole and answering after {whole:.1f} s")
    for why, count in refused.most_common():
        console.print(f"  503, {count} times: {why}")
    console.print(
        f"  200, {len(alike)} times: {min(alike, default=0):.0%} of the {BEST} best as before, "
        "at the least"
    )
    told = ", ".join(f"{status} {count} times" for status, count in sorted(taken.items()))
    console.print(f"  webhooks meanwhile: {told}")
    wrong = []
    if set(taken) - ({202} if options.apart else {202, 503}):
        wrong.append(f"webhooks were answered {dict(taken)}")
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
    """One question at the service's door."""
    header = {"Authorization": f"Bearer {here.token}"}
    query: dict[str, str | int] = {"q": words, "limit": BEST, "unlikely": "true"}
    answer = requests.get(f"{here.address}/api/v1/search", params=query, headers=header, timeout=60)
    body = answer.json()
    best = tuple(found["key"] for found in body.get("results", ()))
    again = "Retry-After" in answer.headers
    why = str(body.get("detail", ""))
    return Answer(words, time.monotonic(), answer.status_code, best, why, again)


@contextmanager
def _webhooks(here: Running) -> Iterator[Counter[int]]:
    """Send webhooks as Jira does, all the while; how they were answered."""
    answers: Counter[int] = Counter()
    done = threading.Event()

    def keep_telling() -> None:
        for number in itertools.count(1):
            if done.wait(PAUSE):
                return
            event = {"webhookEvent": "jira:issue_updated", "issue": {"id": str(10_000 + number)}}
            body = json.dumps({**event, "timestamp": number}).encode()
            headers = {"X-Hub-Signature": sign(WEBHOOK_SECRET, body)}
            url = f"{here.address}/webhooks/jira"
            answers[requests.post(url, body, headers=headers, timeout=60).status_code] += 1

    telling = threading.Thread(target=keep_telling)
    telling.start()
    try:
        yield answers
    finally:
        done.set()
        telling.join()


def _kill(here: Running) -> tuple[list[Answer], float, float]:
    """Kill Redis and start it again: all answers, and the seconds until its data was read, and
    until it answered from all of it."""
    said: list[Answer] = []
    done = threading.Event()
    began = time.monotonic()

    def keep_asking() -> None:
        for words in itertools.cycle(QUESTIONS):
            if done.wait(PAUSE):
                return
            said.append(ask(here, words))

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
        whole = next(each.at for each in said if each.status == 200) - began
        time.sleep(5)  # some more answers, now of all of it
    finally:
        done.set()
        asking.join()
    return said, loaded, whole


def _whole(here: Running, said: list[Answer]) -> bool:
    try:
        return here.services.collections.active.index.state().ready and said[-1].status == 200
    except (redis.RedisError, IndexError):
        return False


def _share(best: Sequence[str], known: Sequence[str]) -> float:
    return len(set(best) & set(known)) / len(known)


if __name__ == "__main__":
    sys.exit(main())

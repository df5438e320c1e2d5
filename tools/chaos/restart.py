"""`python -m tools.chaos.restart`: kills Redis with 100,000 frames in it, while searches continue.

Every answer must be correct: the same results as before, or 503 and when to try again; never
partial or empty results. When Redis is complete again, each frame must be there. Webhooks arrive
all the time; with `--apart`, vectors are in a separate Redis, and no webhook may be refused.
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
# Results that are compared. HNSW is built again, and finds 98 of the 100 best clips, each time
# different ones.
BEST, SAME = 10, 0.8
# Seconds between two searches, and for Redis to be complete again.
PAUSE, PATIENCE = 0.1, 900.0


@dataclass(frozen=True)
class Answer:
    """The answer to a search, and when (seconds of the monotonic clock): the best results' keys if
    it was 200; `again`: whether it says when to try again."""

    words: str
    at: float
    status: int
    best: tuple[str, ...]
    why: str
    again: bool


def main() -> int:
    """Kill Redis once, and print the result; 0 if all answers were correct and nothing is lost."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos.restart", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"default: {FRAMES:,}")
    parser.add_argument(
        "--apart", action="store_true", help="kill a separate Redis that has only the vectors"
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
        time.sleep(2)  # an append-only file is synced once a second
        with _webhooks(here) as taken:
            said, loaded, whole = _kill(here)
        after = here.services.collections.active.index.state()
    alike = [_share(each.best, known[each.words]) for each in said if each.status == 200]
    honest = [each for each in said if each.status == 503 and each.again]
    refused = Counter(re.sub(r"\d+%", "…", each.why) for each in honest)
    other = Counter(each.status for each in said if each.status != 200 and each not in honest)
    which = "the vectors' Redis" if options.apart else "Redis"
    console.print(f"{before.frames:,} frames, {before.algorithm}; {which} killed with SIGKILL")
    console.print(f"data loaded after {loaded:.1f} s, index complete after {whole:.1f} s")
    for why, count in refused.most_common():
        console.print(f"  503, {count} times: {why}")
    console.print(
        f"  200, {len(alike)} times: at least {min(alike, default=0):.0%} of the {BEST} best "
        "results as before"
    )
    told = ", ".join(f"{status} {count} times" for status, count in sorted(taken.items()))
    console.print(f"  webhooks meanwhile: {told}")
    wrong = []
    if set(taken) - ({202} if options.apart else {202, 503}):
        wrong.append(f"webhook answers: {dict(taken)}")
    if after.frames != before.frames or after.failures:
        wrong.append(f"{before.frames:,} frames became {after.frames:,}, {after.failures} failed")
    if other:
        wrong.append(f"other answers: {dict(other)}")
    if not alike or min(alike) < SAME:
        wrong.append("an answer had other results than before")
    for each in wrong:
        console.print(f"[red]{each}[/]")
    return 1 if wrong else 0


def ask(here: Running, words: str) -> Answer:
    """One search over HTTP."""
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
    """Send webhooks as Jira does, all the time; yields how they were answered."""
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
    """Kill Redis and start it again; returns all answers, the seconds until its data was loaded,
    and until it answered completely."""
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
                raise TimeoutError(f"not complete within {PATIENCE:.0f} s: {said[-1:]}")
            time.sleep(PAUSE)
        whole = next(each.at for each in said if each.status == 200) - began
        time.sleep(5)  # for some more answers, now complete
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

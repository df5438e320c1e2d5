"""A short run of `make soak`, and that its checks detect problems."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import redis

from support.repository import ROOT
from tools.soak.measure import Moment, Process, end_what_ends, keys_of, kind_of, registries_of
from tools.soak.verdict import growing, left_over, restless, slope

MEGABYTE = 1_000_000


def moment(events: int, megabytes: float, descriptors: int = 20, **more: object) -> Moment:
    process = Process(round(megabytes * MEGABYTE), descriptors, 8)
    empty: Counter[str] = Counter()
    usual = {"registries": empty, "files": 0, "passing_files": (), "log_bytes": 0, **more}
    return Moment("a season", events, {"web": process}, 0, empty, empty, **usual)  # type: ignore[arg-type]


def test_a_process_that_keeps_a_little_of_each_event_is_told() -> None:
    leaking = [moment(2500 * n, 100 + 8.5 * n) for n in range(1, 6)]
    (told,) = growing(leaking)
    assert told == "web grew by 34 MB in 10,000 events, a part in each season"
    assert slope(leaking, "web", "memory") == pytest.approx(3400)


def test_a_heap_that_grows_at_first_and_then_no_more_is_none() -> None:
    assert growing([moment(2500 * n, 140 - 40 / n) for n in range(1, 3)]) == []
    steady = [moment(2500 * n, 100 + 35 * (n > 1)) for n in range(1, 6)]
    assert growing(steady) == []


def test_descriptors_that_are_never_closed_are_told() -> None:
    (told,) = growing([moment(1000, 100, 20), moment(2000, 100, 60)])
    assert told == "web has 60 open files, before: 20"


def test_a_key_of_a_ticket_that_is_gone_is_told_and_one_of_a_ticket_that_is_there_is_not() -> None:
    names = ["dejabug:issue:10001", "dejabug:issues", "dejabug:links:10002", "rq:queues"]
    (told,) = left_over(names, {"10001"})
    assert "dejabug:links:10002" in told
    assert len(left_over(names, set())) == 3


def test_what_is_under_way_or_lies_about_is_told_and_failed_jobs_are_not() -> None:
    found = restless(
        moment(1, 1, registries=Counter(wip=1, failed=3), passing_files=("dejabug-clip-x",))
    )
    assert found == ["1 job is in RQ's wip", "the file dejabug-clip-x was left"]


def test_keys_are_told_apart_by_what_they_are_of_and_by_whether_they_end(
    store: redis.Redis,
) -> None:
    store.set("dejabug:issue:10001", 1)
    store.set("dejabug:event:0123456789abcdef", 1, ex=60)
    store.zadd("rq:failed:default", {"one": 1})
    lasting, passing, names = keys_of(store)
    assert lasting == Counter({"dejabug:issue:*": 1, "rq:failed:default": 1})
    assert passing == Counter({"dejabug:event:*": 1})
    assert "dejabug:issue:10001" in names
    assert registries_of(store) == Counter(failed=1)
    assert kind_of("dejabug:frame:starter-2-squash-5d3d5500:123:4") == "dejabug:frame:<encoder>:*:*"


def test_a_season_ends_what_ends_and_leaves_what_a_running_worker_is_known_by(
    store: redis.Redis,
) -> None:
    store.set("dejabug:issue:10001", 1)
    store.set("rq:job:done", 1, ex=300)
    store.set("rq:worker:one", 1, ex=300)
    end_what_ends(store)
    assert sorted(store.keys()) == [b"dejabug:issue:10001", b"rq:worker:one"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_a_small_year_nothing_is_left(tmp_path: Path) -> None:
    year = [sys.executable, "-m", "tools.soak", "--events", "250", "--seasons", "1"]
    done = subprocess.run(
        [*year, "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "and nothing is left" in done.stdout

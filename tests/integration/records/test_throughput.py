"""How fast clips are embedded, and the estimated time for the rest."""

from __future__ import annotations

import pytest
import redis

from dejabug.records import throughput as pace_module
from dejabug.records.throughput import ASSUMED_SECONDS, MEMORY, Throughput


def test_before_anything_is_measured_the_estimate_says_that_it_is_assumed(
    store: redis.Redis,
) -> None:
    found = Throughput(store, "starter:2@squash").estimate(100, 10_000_000, workers=1)
    assert found.measured == 0
    assert found.low == 100 * ASSUMED_SECONDS
    assert found.high > found.low
    assert store.keys() == []


def test_measured_clips_give_a_range_by_number_and_by_size(store: redis.Redis) -> None:
    pace = Throughput(store, "starter:2@squash")
    pace.record(2.0, 1_000)
    pace.record(4.0, 2_000)
    # 3 seconds a clip, and 2 a thousand bytes.
    found = pace.estimate(10, 60_000, workers=2)
    assert (found.low, found.high, found.measured) == (15.0, 60.0, 2)
    assert pace.estimate(10, 60_000, workers=0) == pace.estimate(10, 60_000, workers=1)


def test_each_encoder_has_its_own_pace(store: redis.Redis) -> None:
    Throughput(store, "starter:2@squash").record(2.0, 1_000)
    assert Throughput(store, "clip:large").estimate(1, 1, 1).measured == 0


def test_what_is_long_ago_counts_less(store: redis.Redis) -> None:
    pace = Throughput(store, "starter:2@squash")
    for _ in range(MEMORY):
        pace.record(10.0, 0)
    for _ in range(MEMORY):
        pace.record(1.0, 0)
    found = pace.estimate(1, 0, 1)
    assert found.measured <= MEMORY
    assert found.low == pytest.approx(found.high)
    assert found.low < (10.0 + 1.0) / 2


def test_the_mean_looks_back_on_its_whole_memory_and_halves_all_of_it_beyond(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_module, "MEMORY", 5)
    pace = Throughput(store, "starter:2@squash")
    for _ in range(5):
        pace.record(2.0, 1_000)
    assert pace.measured() == (5, 10.0, 5_000)
    pace.record(2.0, 1_000)
    assert pace.measured() == (3, 6.0, 3_000)


def test_clips_of_unknown_size_are_taken_to_be_like_those_before(store: redis.Redis) -> None:
    pace = Throughput(store, "starter:2@squash")
    assert pace.estimate(3, None, 1).low == pace.estimate(3, None, 1).high == 3 * ASSUMED_SECONDS
    pace.record(2.0, 1_000)
    found = pace.estimate(10, None, 1)
    assert (found.low, found.high) == (20.0, 20.0)
    # Clips of no bytes are another matter than clips of unknown size.
    found = pace.estimate(10, 0, 1)
    assert (found.low, found.high) == (0.0, 20.0)


def test_where_no_bytes_were_measured_clips_alone_count(store: redis.Redis) -> None:
    pace = Throughput(store, "starter:2@squash")
    pace.record(2.0, 0)
    found = pace.estimate(10, 5_000, 1)
    assert (found.low, found.high) == (20.0, 20.0)


def test_a_measurement_of_before_counts_only_where_nothing_was_measured_since(
    store: redis.Redis,
) -> None:
    pace = Throughput(store, "starter:2@squash")
    pace.begin_with(0, 9.0, 9)
    assert store.keys() == []
    pace.begin_with(4, 8.0, 400)
    assert pace.measured() == (4, 8.0, 400)
    pace.begin_with(7, 1.0, 1)
    assert pace.measured() == (4, 8.0, 400)

"""How fast clips are embedded, and how long many will take."""

from __future__ import annotations

import pytest
import redis

from dejabug.pace import ASSUMED_SECONDS, MEMORY, Pace


def test_before_anything_is_measured_the_estimate_says_that_it_is_assumed(
    store: redis.Redis,
) -> None:
    found = Pace(store, "starter:2@squash").estimate(100, 10_000_000, workers=1)
    assert found.measured == 0
    assert found.low == 100 * ASSUMED_SECONDS
    assert found.high > found.low
    assert store.keys() == []


def test_measured_clips_give_a_range_by_number_and_by_size(store: redis.Redis) -> None:
    pace = Pace(store, "starter:2@squash")
    pace.record(2.0, 1_000)
    pace.record(4.0, 2_000)
    # 3 seconds a clip, and 2 a thousand bytes.
    found = pace.estimate(10, 60_000, workers=2)
    assert (found.low, found.high, found.measured) == (15.0, 60.0, 2)
    assert pace.estimate(10, 60_000, workers=0) == pace.estimate(10, 60_000, workers=1)


def test_each_encoder_has_its_own_pace(store: redis.Redis) -> None:
    Pace(store, "starter:2@squash").record(2.0, 1_000)
    assert Pace(store, "clip:large").estimate(1, 1, 1).measured == 0


def test_what_is_long_ago_counts_less(store: redis.Redis) -> None:
    pace = Pace(store, "starter:2@squash")
    for _ in range(MEMORY):
        pace.record(10.0, 0)
    for _ in range(MEMORY):
        pace.record(1.0, 0)
    found = pace.estimate(1, 0, 1)
    assert found.measured <= MEMORY
    assert found.low == pytest.approx(found.high)
    assert found.low < (10.0 + 1.0) / 2

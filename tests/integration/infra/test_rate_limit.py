"""The rate limiter at its limits. Tests don't wait for Redis's clock: they change the stored
time of the last use instead."""

from __future__ import annotations

import pytest
import redis

from dejabug.infra import rate_limit

BUCKET = "dejabug:rate:a"
HOUR = 3_600_000  # milliseconds


def leave(store: redis.Redis, requests: float, ago: int) -> None:
    """The bucket as it was left with room for so many `requests`, so many milliseconds ago."""
    seconds, microseconds = store.time()
    now = seconds * 1000 + microseconds // 1000
    store.hset(BUCKET, mapping={"left": requests, "at": now - ago})


@pytest.mark.parametrize("left", [0, 2.5, 3])
def test_a_bucket_that_was_idle_for_long_holds_a_minute_s_requests_and_no_more(
    store: redis.Redis, left: float
) -> None:
    leave(store, left, ago=24 * HOUR)
    assert [rate_limit.take(store, "a", 3) > 0 for _ in range(5)] == [False] * 3 + [True] * 2


def test_a_lower_limit_holds_at_once(store: redis.Redis) -> None:
    rate_limit.take(store, "a", 600)
    assert [rate_limit.take(store, "a", 2) > 0 for _ in range(3)] == [False, False, True]


def test_a_bucket_ends_when_it_would_be_full_again(store: redis.Redis) -> None:
    """Sooner, and who has used it up could begin again; never, and each asker would leave a key."""
    rate_limit.take(store, "a", 3)
    last_used = int(store.hget(BUCKET, "at") or 0)
    ends = int(store.execute_command("PEXPIRETIME", BUCKET))  # type: ignore[no-untyped-call]
    assert ends - last_used == pytest.approx(60_000, abs=5)


def test_asking_in_vain_also_keeps_the_bucket(store: redis.Redis) -> None:
    leave(store, 0, ago=-HOUR)
    assert rate_limit.take(store, "a", 60) > 0
    assert 0 < store.pttl(BUCKET) <= 60_000


def test_it_fills_evenly(store: redis.Redis) -> None:
    # At one request a minute, half a minute is half of one; no machine is 20 seconds late.
    leave(store, 0, ago=30_000)
    assert 10 < rate_limit.take(store, "a", 1) <= 30


@pytest.mark.parametrize(("left", "wait"), [(0.0, 1.0), (0.25, 0.75), (0.9999, 0.001)])
def test_the_wait_is_what_is_lacking_of_one_request_and_asking_in_vain_costs_nothing(
    store: redis.Redis, left: float, wait: float
) -> None:
    """The clock stands an hour back, as after a change to another Redis: nothing is added, and
    nothing taken away."""
    leave(store, left, ago=-HOUR)
    assert rate_limit.take(store, "a", 60) == pytest.approx(wait)
    assert float(store.hget(BUCKET, "left") or -1) == left


def test_room_for_exactly_one_request_lets_one_pass(store: redis.Redis) -> None:
    leave(store, 1, ago=-HOUR)
    assert rate_limit.take(store, "a", 60) == 0.0
    assert float(store.hget(BUCKET, "left") or -1) == 0.0

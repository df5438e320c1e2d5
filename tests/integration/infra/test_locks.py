"""Locks that a killed holder cannot keep."""

from __future__ import annotations

import threading
import time

import pytest
import redis
from redis.exceptions import LockError
from structlog.testing import capture_logs

from dejabug.infra import locks
from dejabug.infra.locks import held, take_lease, try_lock
from support.waiting import wait_until


def test_one_holds_at_a_time(store: redis.Redis) -> None:
    inside, most = 0, 0
    together = threading.Barrier(4)

    def work() -> None:
        nonlocal inside, most
        together.wait()
        for _ in range(3):
            with held(store, "lock"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.02)  # long enough for others to come in, if they could
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not store.exists("lock")


def test_a_lock_is_renewed_for_as_long_as_it_is_held(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LIFE", 1)
    monkeypatch.setattr(locks, "RENEWAL", 0.1)
    with held(store, "lock"):
        token = store.get("lock")
        assert not threading.Event().wait(1.5)
        assert store.get("lock") == token


def test_a_lock_whose_holder_was_killed_ends_by_itself(store: redis.Redis) -> None:
    with held(store, "lock"):
        assert 0 < store.pttl("lock") <= locks.LIFE * 1000


def test_a_lock_that_was_lost_meanwhile_fails_nobody(store: redis.Redis) -> None:
    with held(store, "lock"):
        store.set("lock", "another's")
    assert store.get("lock") == b"another's"


def test_a_lock_outlives_a_renewal_that_fails() -> None:
    assert 2 * locks.RENEWAL < locks.LIFE


def test_a_renewal_that_fails_is_tried_again(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "RENEWAL", 0.02)
    with capture_logs() as told, held(store, "lock"):
        token = store.get("lock")
        assert token is not None
        store.set("lock", "another's")
        wait_until(lambda: len(told) > 1)
        assert {entry["event"] for entry in told} == {"lock_not_renewed"}
        # It has another life than ours gives, by which a renewal is known.
        store.set("lock", token, px=3_600_000)
        wait_until(lambda: store.pttl("lock") <= locks.LIFE * 1000)
    assert not store.exists("lock")


def test_work_that_fails_lets_go_of_its_lock(store: redis.Redis) -> None:
    with pytest.raises(ZeroDivisionError), held(store, "lock"):
        raise ZeroDivisionError
    assert not store.exists("lock")


def test_who_only_tries_is_told_at_once_that_a_lock_is_taken(store: redis.Redis) -> None:
    with try_lock(store, "lock", 60) as renew:
        assert renew is not None
        with try_lock(store, "lock", 60) as another:
            assert another is None
        assert store.exists("lock")  # the other one gave back nothing
    with try_lock(store, "lock", 60) as renew:
        assert renew is not None
    assert not store.exists("lock")


def test_a_tried_lock_lives_as_long_again_when_it_is_renewed(store: redis.Redis) -> None:
    with try_lock(store, "lock", 60) as renew:
        assert renew is not None
        store.expire("lock", 5)
        renew()
        assert 55 < store.ttl("lock") <= 60


def test_a_tried_lock_that_was_lost_cannot_be_renewed(store: redis.Redis) -> None:
    with try_lock(store, "lock", 60) as renew:
        assert renew is not None
        store.set("lock", "another's")
        with pytest.raises(LockError):
            renew()
    assert store.get("lock") == b"another's"


def test_work_that_fails_lets_go_of_a_tried_lock(store: redis.Redis) -> None:
    with pytest.raises(ZeroDivisionError), try_lock(store, "lock", 60):
        raise ZeroDivisionError
    assert not store.exists("lock")


def test_a_lease_is_taken_once_in_its_time(store: redis.Redis) -> None:
    assert [take_lease(store, "lease", 60) for _ in range(3)] == [True, False, False]
    assert 0 < store.ttl("lease") <= 60
    store.delete("lease")  # as when its time is over
    assert take_lease(store, "lease", 60)

"""Locks that a killed holder cannot keep."""

from __future__ import annotations

import threading

import pytest
import redis

from dejabug import locks
from dejabug.locks import held


def test_one_holds_at_a_time(store: redis.Redis) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with held(store, "lock"):
                inside += 1
                most = max(most, inside)
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

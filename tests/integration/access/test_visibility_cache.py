"""Jira's answers about principals and issues, cached for a minute."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis

from dejabug.access.visibility_cache import ANSWER_TTL_SECONDS, VisibilityCache

NOW = 1_800_000_000.0


@pytest.fixture
def cache(store: redis.Redis) -> VisibilityCache:
    return VisibilityCache(store)


def transactions(store: redis.Redis) -> int:
    """How many transactions Redis has carried out."""
    found: dict[str, Any] = store.info("commandstats").get("cmdstat_exec", {})
    return int(found.get("calls", 0))


def test_what_was_said_of_a_principal_counts_for_that_principal_and_those_issues_only(
    cache: VisibilityCache,
) -> None:
    cache.remember("ann", ["1", "2"], ["1"])
    assert cache.known("ann", ["1", "2", "3"]) == ({"1"}, {"3"})
    assert cache.known("bob", ["1", "2"]) == (set(), {"1", "2"})


def test_what_was_said_lasts_a_minute_and_not_a_moment_more(
    cache: VisibilityCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    cache.remember("ann", ["1", "2"], ["1"])
    monkeypatch.setattr(time, "time", lambda: NOW + ANSWER_TTL_SECONDS - 0.01)
    assert cache.known("ann", ["1", "2"]) == ({"1"}, set())
    monkeypatch.setattr(time, "time", lambda: NOW + ANSWER_TTL_SECONDS)
    assert cache.known("ann", ["1", "2"]) == (set(), {"1", "2"})


def test_redis_forgets_what_was_said_by_itself(cache: VisibilityCache, store: redis.Redis) -> None:
    cache.remember("ann", ["1"], [])
    assert 0 < store.ttl("dejabug:sight:1") <= ANSWER_TTL_SECONDS


def test_an_issue_that_changed_is_asked_about_anew(cache: VisibilityCache) -> None:
    cache.remember("ann", ["1", "2"], ["1", "2"])
    cache.forget_issue("1")
    assert cache.known("ann", ["1", "2"]) == ({"2"}, {"1"})


def test_what_was_said_of_several_issues_is_written_at_once(
    cache: VisibilityCache, store: redis.Redis
) -> None:
    before = transactions(store)
    cache.remember("ann", ["1", "2"], ["1"])
    assert transactions(store) == before + 1

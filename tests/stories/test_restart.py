"""Redis restarts with a full index: correct answers all the time, never partial ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dejabug.encoders.starter import StarterEncoder
from dejabug.index import ClipLocation, FrameIndex, IndexUnavailableError, completeness
from dejabug.infra.redis_server import RedisServer
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.search.answerer import Answerer
from dejabug.services import ModelServices, Services
from dejabug.web import create_app
from support.jira_site import Site
from support.patience import PATIENCE
from support.waiting import wait_until

FRAMES = 25
# Clips from whose frames HNSW is seconds in building; and few ones, each of whose keys takes Redis
# so many microseconds to load.
MANY, FEW, DELAY = 150, 4, 20_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", keep=True) as running:
        yield running


@pytest.fixture
def services(
    server: RedisServer, cold_services: Services, starter: StarterEncoder
) -> ModelServices:
    """The services on that Redis."""
    changed = {"redis_url": server.url, "index_algorithm": "hnsw"}
    parts = ModelServices(cold_services.settings.model_copy(update=changed), loaded=starter)
    _ = parts.encoder
    return parts


def fill(services: Services, jira: Site, clips: int) -> None:
    """The clip of GAME-1, its twin on GAME-2, and others; written while there is no index, so that
    it is still to be built when Redis stops."""
    services.redis.execute_command("FT.DROPINDEX", services.collections.active.index.state().name)
    random, dimensions = np.random.default_rng(5), services.encoder.dimensions
    times = np.arange(FRAMES, dtype=np.float32)
    ids = [str(jira.issue(jira.file("GAME", f"ticket {n}"))["id"]) for n in range(2)]
    twin = unit(random, dimensions)
    for number in range(clips):
        issue_id = ids[number] if number < 2 else str(90_000 + number)
        vectors = twin if number < 2 else unit(random, dimensions)
        services.collections.active.index.write_clip(
            str(number), ClipLocation(issue_id, "GAME", "game"), times, vectors
        )
        if number < 2:
            services.collections.active.catalogue.put_issue(
                IssueRecord(issue_id, f"GAME-{number + 1}", "GAME", "game")
            )
            clip = ClipRecord(str(number), issue_id, "c.mp4", 1, ClipStatus.INDEXED, "", FRAMES, 5)
            services.collections.active.catalogue.put_clip(clip)
    FrameIndex(services.redis, services.collections.active_name, dimensions, algorithm="hnsw")


def unit(random: np.random.Generator, dimensions: int) -> Any:
    vectors = random.normal(size=(FRAMES, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Doors:
    """A caller of the API who asks all the while; every answer must be an honest one."""

    def __init__(self, services: Services) -> None:
        secret, _ = services.tokens.create("test", ["GAME"], None)
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._client = create_app(services).test_client()
        self.reasons: set[str] = set()
        self.details: set[str] = set()

    def ask_until_answered(self) -> list[str]:
        """The keys in the first answer about what is like GAME-1."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ready = self._client.get("/readyz")
            assert ready.status_code == 503  # there is no worker process in these tests
            self.reasons |= set(ready.get_json()["problems"])
            for question in ("search?q=cows", "issues/GAME-1/similar"):
                answer = self._client.get(f"/api/v1/{question}", headers=self._headers)
                if answer.status_code == 200:
                    if "similar" in question:
                        return [each["key"] for each in answer.get_json()["results"]]
                    continue
                assert answer.status_code == 503
                assert answer.content_type == "application/problem+json"
                assert int(answer.headers["Retry-After"]) > 0
                self.details.add(answer.get_json()["detail"])
            time.sleep(0.1)
        raise AssertionError("never answered")


@pytest.fixture
def answerer(services: Services) -> Iterator[Answerer]:
    """What answers words beside a worker."""
    thread = services.answerer()
    thread.start()
    yield thread
    thread.stop()


@pytest.mark.usefixtures("answerer")
def test_while_the_index_is_built_again_every_door_says_so_and_then_answers_fully(
    services: Services, server: RedisServer, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "BUILDING", 0)
    fill(services, jira, MANY)
    doors = Doors(services)
    server.stop()
    server.start()
    with pytest.raises(IndexUnavailableError, match="being built"):
        services.retrievers.active.like_clip("0", ["GAME"])
    with (
        pytest.raises(IndexUnavailableError, match="being built"),
        services.clip_uploads.receiving(),
    ):
        pass
    assert doors.ask_until_answered() == ["GAME-2"]
    assert any("being built" in reason for reason in doors.reasons), doors.reasons
    assert any("being built" in detail for detail in doors.details), doors.details
    assert services.collections.active.index.state().ready


def test_while_redis_loads_its_data_every_door_says_so(
    services: Services, server: RedisServer, jira: Site
) -> None:
    fill(services, jira, FEW)
    doors = Doors(services)
    wait_until(lambda: services.collections.active.index.state().ready)
    # Into a form whose loading can be slowed.
    services.redis.bgrewriteaof()
    wait_until(lambda: not services.redis.info("persistence")["aof_rewrite_in_progress"])
    server.stop()
    # And Redis is to answer meanwhile after each few bytes, as it does after each two megabytes.
    often = ("--loading-process-events-interval-bytes", "1024")
    server.options = ("--key-load-delay", str(DELAY), *often)
    # A server ends with the thread that started it, so it is the asking that gets one of its own.
    with ThreadPoolExecutor(1) as asking:
        answered = asking.submit(doors.ask_until_answered)
        server.start()
        assert answered.result() == ["GAME-2"]
    assert any("loading" in reason for reason in doors.reasons), doors.reasons
    assert doors.details

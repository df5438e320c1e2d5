"""Redis or Jira goes down while somebody waits: each gets a problem that says when to try again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from support.api import Caller, compared, is_problem, keys_of_job, sent_without_worker, uploads_left
from support.demo_clips import COWS
from support.jira_site import Site
from support.parts import use_settings
from support.search_worker import searching
from support.tickets import history
from support.waiting import wait_until


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that a test may end."""
    with RedisServer(tmp_path / "own") as server:
        yield server


@pytest.fixture
def environment(environment: dict[str, str], own_redis: RedisServer) -> dict[str, str]:
    return {**environment, "DEJABUG_REDIS_URL": own_redis.url}


def is_away(answer: Any) -> None:
    is_problem(answer, 503, "Redis or Jira is not available right now")
    assert int(answer.headers["Retry-After"]) > 0


# Redis


@pytest.mark.parametrize(
    "ask",
    [
        lambda caller, clip: caller.search("cows"),
        lambda caller, clip: caller.send(clip.read_bytes()),
    ],
    ids=["words", "a clip"],
)
def test_redis_goes_away_while_a_worker_is_waited_for(
    caller: Caller,
    services: Services,
    own_redis: RedisServer,
    clips: Path,
    ask: Callable[[Caller, Path], Any],
) -> None:
    def end() -> None:
        asked = "dejabug:questions:*"  # or a clip's job
        wait_until(lambda: services.queues.get("search").count or services.redis.keys(asked))
        own_redis.stop()

    ending = threading.Thread(target=end)
    ending.start()
    is_away(ask(caller, clips / COWS[0]))
    ending.join()
    is_away(caller.search("cows"))


def test_redis_goes_away_while_a_clip_is_received(
    caller: Caller, services: Services, own_redis: RedisServer, clips: Path, monkeypatch: Any
) -> None:
    def receive(_request: Any, folder: Path, _most: int) -> None:
        (folder / "clip").write_bytes(b"x")
        own_redis.stop()

    monkeypatch.setattr("dejabug.web.api.views.receive_file", receive)
    is_away(caller.send(b"x"))
    assert uploads_left(services) == []


def test_redis_goes_away_while_a_job_is_listened_to(
    caller: Caller, own_redis: RedisServer, clips: Path
) -> None:
    job = f"/jobs/{sent_without_worker(caller, clips)}"
    with caller.get(job, headers={"Accept": "text/event-stream"}) as answer:
        stream = answer.iter_encoded()
        assert b"retry" in next(stream)
        assert b"queued" in next(stream)
        own_redis.stop()
        assert list(stream) == []
    is_away(caller.get(job))


# Jira


@pytest.fixture(params=["gone"])
def away(services: Services, jira: Site, request: Any) -> Callable[[], None]:
    """Take Jira away, or have it refuse us with this status."""

    def end() -> None:
        if request.param == "gone":
            nowhere = {"jira_url": f"http://127.0.0.1:{free_port()}"}
            use_settings(services, services.settings.model_copy(update=nowhere))
        else:
            jira.fail(path="/rest/api/", status=request.param, count=100)

    return end


@pytest.mark.parametrize("away", ["gone", 401], indirect=True)
def test_without_jira_nothing_is_told_by_any_door(
    caller: Caller, services: Services, jira: Site, clips: Path, away: Callable[[], None]
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1])
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(old[0])["id"]))[0]
    job = compared(caller, services, clips / COWS[2])
    assert keys_of_job(caller.get(job))
    with searching(services):
        away()
        for path in (
            "/search?q=cows",
            f"/issues/{old[0]}/similar",
            job,
            f"/clips/{clip.id}",
        ):
            is_away(caller.get(path))


def test_without_jira_the_status_tells_the_rest(
    caller: Caller, services: Services, jira: Site, clips: Path, away: Callable[[], None]
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))[0]
    services.collections.active.catalogue.put_clip(
        replace(clip, status=ClipStatus.FAILED, reason="memory: too much")
    )
    assert len(caller.get("/status").get_json()["failed"]) == 1
    services.visibility_cache.forget_issue(clip.issue_id)  # or a minute later
    away()
    told = caller.get("/status").get_json()
    assert told["failed"] == []
    assert any("Jira" in problem for problem in told["problems"])
    assert told["clips"]["failed"] == 1

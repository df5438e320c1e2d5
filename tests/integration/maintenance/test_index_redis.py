"""Vectors in a separate Redis: with a plain Redis for everything else, while one of them is
down, if it is the wrong one, and after one of them lost what the other keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry
from typer.testing import CliRunner

from dejabug.cli import app as commands
from dejabug.encoders.starter import StarterEncoder
from dejabug.evaluation.corpus import indexed
from dejabug.index import ClipLocation, copy_vectors
from dejabug.infra.redis_server import RedisServer
from dejabug.maintenance import index_repair
from dejabug.maintenance.index_move import MoveError
from dejabug.maintenance.index_repair import Repaired
from dejabug.records.index_location import WrongIndexError
from dejabug.records.types import ClipStatus
from dejabug.services import ModelServices, Services, get_services, set_services
from dejabug.web import create_app
from dejabug.web.gauges import Gauges
from dejabug.worker import jobs
from dejabug.worker.periodic import INDEX_REPAIR, queue_if_due
from support.command_line import words
from support.demo_clips import COWS, PLACEHOLDER
from support.jira_site import Site
from support.processes import dejabug
from support.tickets import history, tell
from support.waiting import wait_until
from support.webhooks import send_created
from support.workers import work

VECTORS = ("dejabug:frame:", "dejabug:embedded:", "dejabug:ticket:", "dejabug:neighbours:")


@pytest.fixture
def main(tmp_path: Path) -> Iterator[RedisServer]:
    """The Redis of queues: a plain one, which cannot search."""
    with RedisServer(tmp_path / "main", search=False) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisServer]:
    """The Redis of vectors."""
    with RedisServer(tmp_path / "own", keep=True) as server:
        yield server


@pytest.fixture
def environment(environment: dict[str, str], main: RedisServer, own: RedisServer) -> dict[str, str]:
    return {**environment, "DEJABUG_REDIS_URL": main.url, "DEJABUG_INDEX_REDIS_URL": own.url}


def other_services(
    services: Services, starter: StarterEncoder | None = None, **changed: str
) -> Services:
    """Another process with other addresses, perhaps a worker's."""
    settings = services.settings.model_copy(update=changed)
    if starter is None:
        return Services(settings)
    parts = ModelServices(settings, loaded=starter)
    _ = parts.encoder
    return parts


def keys_in(server: RedisServer) -> set[str]:
    with redis.Redis.from_url(server.url) as connection:
        return {key.decode() for key in connection.scan_iter("dejabug:*")}


def found(services: Services, key: str) -> list[str]:
    """The tickets that are like this one, best first."""
    record = services.collections.active.catalogue.issue_by_key(key)
    assert record is not None
    issues = [
        services.collections.active.catalogue.issue(pair.found_issue_id)
        for pair in services.similar_issues.rank(record)
    ]
    return [issue.key for issue in issues if issue is not None]


# Apart


def test_a_plain_redis_serves_for_all_but_vectors(
    services: Services, jira: Site, clips: Path, main: RedisServer, own: RedisServer
) -> None:
    old, *_ = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    (comment,) = jira.comments(key)
    assert f"[{old}|" in comment["body"]
    assert not [each for each in keys_in(main) if each.startswith(VECTORS)]
    rest = [each for each in keys_in(own) if not each.startswith(VECTORS)]
    assert sorted(rest) == ["dejabug:index-name", "dejabug:indexes-made"]
    # A clip that is deleted is so on both sides.
    jira.call("DELETE", f"/rest/api/2/issue/{old}", "admin")
    tell(services, jira, key)
    record = services.collections.active.catalogue.issue_by_key(old)
    assert record is not None
    jobs.forget_issue(record.id)
    assert not [each for each in keys_in(own) if each.endswith(f":on:{record.id}")]


def test_an_encoder_is_forgotten_on_both_sides(
    services: Services, jira: Site, clips: Path, main: RedisServer, own: RedisServer
) -> None:
    history(services, jira, clips, COWS[0])
    old = services.collections.active_name
    services.redis.hset("dejabug:dimensions", "another", 8)
    services.redis.set("dejabug:serving", "another")
    fresh = other_services(services)
    assert fresh.encoder_change.forget(old) > 0
    slug = services.collections.get(old).slug
    assert not [each for each in keys_in(main) | keys_in(own) if slug in each]


def test_an_evaluation_leaves_the_service_s_vectors_alone(
    services: Services, starter: StarterEncoder, own: RedisServer, tmp_path: Path, clips: Path
) -> None:
    line = (clips / "manifest.jsonl").read_text("utf-8").splitlines()[0]
    (tmp_path / "set").mkdir()
    manifest = tmp_path / "set" / "manifest.jsonl"
    manifest.write_text(line + "\n", "utf-8")
    name = json.loads(line)["file"]
    (manifest.parent / name).symlink_to(clips / name)
    before = keys_in(own)
    with indexed(manifest, services.settings, encoder=starter) as corpus:
        assert corpus.services.collections.active.index.state().frames > 0
    assert keys_in(own) == before


# Away


def test_webhooks_come_in_while_the_vectors_are_away_and_nothing_is_lost(
    start: Any, cold_services: Services, jira: Site, clips: Path, own: RedisServer
) -> None:
    old = jira.file("GAME", "old cows", clips / COWS[0])
    send_created(cold_services, jira, old)
    start("default", "clips", "search")
    wait_until(lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1)
    token, _ = cold_services.tokens.create("test", ["GAME"], None)
    client = create_app(cold_services).test_client()
    own.kill()
    key = jira.file("GAME", "new cows", clips / COWS[2])
    send_created(cold_services, jira, key)
    assert client.get("/readyz/webhooks").status_code == 200
    away = client.get("/readyz")
    assert (away.status_code, away.json["ready"]) == (503, False)
    asked = {"Authorization": f"Bearer {token}"}
    answer = client.get(f"/api/v1/issues/{old}/similar", headers=asked)
    assert answer.status_code == 503, answer.text
    scheduled = cold_services.queues.get("clips").scheduled_job_registry
    wait_until(lambda: scheduled.get_job_count(cleanup=False))
    own.start()
    (comment,) = wait_until(lambda: jira.comments(key))
    assert f"[{old}|" in comment["body"]


def test_no_clip_is_downloaded_in_vain_while_the_vectors_are_away(
    services: Services, jira: Site, clips: Path, own: RedisServer
) -> None:
    services.collections.active.index.state()
    key = jira.file("GAME", "cows", clips / COWS[0])
    own.kill()
    tell(services, jira, key)
    assert services.queues.get("clips").scheduled_job_registry.get_job_count(cleanup=False)
    assert not [each for each in jira.log()["requests"] if "/attachment/content" in each["path"]]


def test_metrics_tell_the_two_apart_and_which_one_is_away(
    services: Services, jira: Site, clips: Path, own: RedisServer
) -> None:
    history(services, jira, clips, COWS[0])
    registry = CollectorRegistry()
    registry.register(Gauges(services.settings))
    here = generate_latest(registry).decode()
    assert 'dejabug_redis_memory_bytes{holds="index"}' in here
    assert "dejabug_redis_up 1.0" in here
    assert "dejabug_index_up 1.0" in here
    assert "dejabug_index_clips 1.0" in here
    own.kill()
    away = generate_latest(registry).decode()
    assert 'dejabug_redis_memory_bytes{holds="queues"}' in away
    assert 'dejabug_redis_memory_bytes{holds="index"}' not in away
    assert "dejabug_redis_up 1.0" in away
    assert "dejabug_index_up 0.0" in away
    assert "dejabug_index_frames" not in away
    assert 'dejabug_clips{status="indexed"} 1.0' in away


def test_doctor_looks_at_both(
    services: Services, own: RedisServer, environment: dict[str, str]
) -> None:
    services.collections.active.index.state()
    secret = own.url.replace("://", "://default:hidden@")
    shown = words(dejabug("doctor", "--no-model", **{**environment, "COLUMNS": "300"}).stdout)
    assert "✓ Redis version" in shown
    assert "✓ vector Redis version" in shown
    own.kill()
    changed = {**environment, "DEJABUG_INDEX_REDIS_URL": secret, "COLUMNS": "300"}
    away = dejabug("doctor", "--no-model", **changed).stdout
    assert "✗ vector Redis no answer" in words(away)
    assert "hidden" not in away + dejabug("settings", **changed).stdout


# The wrong one


def test_another_redis_than_the_one_with_the_vectors_is_refused(
    services: Services, jira: Site, clips: Path, main: RedisServer, tmp_path: Path
) -> None:
    history(services, jira, clips, COWS[0])
    with RedisServer(tmp_path / "empty") as empty, RedisServer(tmp_path / "used") as used:
        Services(services.settings.model_copy(update={"redis_url": used.url, "index_redis_url": ""})
              ).collections.location.connection()  # fmt: skip
        for address, why in {
            empty.url: "has none of this installation's vectors",
            used.url: "is not the one",
            "": "are in a separate Redis",
        }.items():
            with pytest.raises(WrongIndexError, match=why):
                _ = other_services(services, index_redis_url=address).collections.active.index
        lone = {"redis_url": empty.url, "index_redis_url": used.url}
        with pytest.raises(WrongIndexError, match="another installation"):
            other_services(services, **lone).collections.location.connection()


def test_what_a_lost_redis_had_is_embedded_again(
    services: Services, jira: Site, clips: Path, starter: StarterEncoder, tmp_path: Path
) -> None:
    old, *_ = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    before = found(services, key)
    with RedisServer(tmp_path / "empty") as empty:
        fresh = other_services(services, starter, index_redis_url=empty.url)
        told = {"DEJABUG_REDIS_URL": services.settings.redis_url, "DEJABUG_ENCODER": "starter"}
        told |= {"DEJABUG_INDEX_REDIS_URL": empty.url}
        done = dejabug("index", "adopt", "--yes", **told)
        assert done.returncode == 0, done.stderr
        assert fresh.collections.active.index.clip_count(["GAME"]) == 0
        answer = create_app(fresh).test_client().get("/readyz")
        assert "the index lacks 3 clips: see dejabug doctor" in answer.json["problems"]
        shown = words(dejabug("index", "repair", **told).stdout)
        assert "3 missing clips queued again" in shown
        work_in(fresh)
        assert found(fresh, key) == before
        assert before[0] == old
        assert dejabug("index", "adopt", "--yes", **told).returncode == 1


def test_what_a_lost_redis_had_comes_back_from_a_backup(
    services: Services, jira: Site, clips: Path, starter: StarterEncoder, tmp_path: Path
) -> None:
    history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    told = {"DEJABUG_REDIS_URL": services.settings.redis_url, "DEJABUG_ENCODER": "starter"}
    backup, vectors = str(tmp_path / "backup.zip"), vectors_of(services)
    own = {"DEJABUG_INDEX_REDIS_URL": services.settings.index_redis_url}
    assert dejabug("export", backup, **told, **own).returncode == 0
    with RedisServer(tmp_path / "empty") as empty:
        told["DEJABUG_INDEX_REDIS_URL"] = empty.url
        assert dejabug("index", "adopt", "--yes", **told).returncode == 0
        restored = dejabug("import", backup, "--merge", **told)
        assert restored.returncode == 0, restored.stderr
        fresh = other_services(services, starter, index_redis_url=empty.url)
        assert vectors_of(fresh) == vectors
        assert repaired(fresh) == Repaired(clips=2, tickets=2)


def work_in(services: Services) -> None:
    """Work with these services instead of the process's."""
    before = get_services()
    set_services(services)
    try:
        work(services)
    finally:
        set_services(before)


# Moving


@pytest.fixture
def together(
    environment: dict[str, str],
    jira: Site,
    services: Services,
    starter: StarterEncoder,
    tmp_path: Path,
) -> Iterator[Services]:
    """An installation whose one Redis has everything."""
    with RedisServer(tmp_path / "together") as server:
        yield other_services(services, starter, redis_url=server.url, index_redis_url="")


def unseen(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def test_vectors_move_to_a_redis_of_their_own(
    together: Services, jira: Site, clips: Path, own: RedisServer, monkeypatch: Any
) -> None:
    set_services(together)
    history(together, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(together, jira, key)
    before = found(together, key)
    vectors = vectors_of(together)
    apart = other_services(together, index_redis_url=own.url)
    with pytest.raises(WrongIndexError, match="has none of this installation's vectors"):
        _ = apart.collections.active.index
    with pytest.raises(MoveError, match="nothing was deleted"):
        apart.index_move.remove_moved(unseen)
    # Interrupted: as if nothing had been.
    stray = b"dejabug:embedded:x:1"
    apart.collections.location.index.hset(stray, "count", 1)
    for _ in copy_vectors(together.redis, apart.collections.location.index):
        break
    assert found(Services(together.settings), key) == before

    told = {"DEJABUG_REDIS_URL": apart.settings.redis_url, "DEJABUG_ENCODER": "starter"}
    told |= {"DEJABUG_INDEX_REDIS_URL": own.url}
    done = dejabug("index", "move", **told)
    assert done.returncode == 0, done.stderr
    moved = Services(apart.settings)
    moved.collections.active.index.check()
    assert vectors_of(moved) == vectors
    assert not moved.collections.location.index.exists(stray)
    assert found(moved, key) == before
    with pytest.raises(WrongIndexError, match="are in a separate Redis"):
        _ = Services(together.settings).collections.active.index
    again = dejabug("index", "move", **told)
    assert again.returncode == 1
    assert "already" in again.stderr
    freed = dejabug("index", "move", "--delete", **told)
    assert freed.returncode == 0, freed.stderr
    assert not [each for each in together.redis.scan_iter() if each.decode().startswith(VECTORS)]
    assert together.redis.execute_command("FT._LIST") == []
    assert found(moved, key) == before


def vectors_of(services: Services) -> dict[str, Any]:
    ids = [
        clip.id for clip in services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    ]
    places, signatures = (
        services.collections.active.index.places(ids),
        services.collections.active.index.signatures(ids),
    )
    return {
        clip_id: (
            places[clip_id],
            frames.times.tolist(),
            frames.vectors.tobytes(),
            signatures[clip_id].times.tolist(),
            signatures[clip_id].pictures.tobytes(),
        )
        for clip_id, frames in services.collections.active.index.clip_vectors(ids).items()
    }


def test_vectors_are_not_moved_under_the_hands_of_workers(
    together: Services, own: RedisServer, start: Any
) -> None:
    together.collections.active.index.state()
    apart = other_services(together, index_redis_url=own.url)
    start("default", DEJABUG_REDIS_URL=together.settings.redis_url, DEJABUG_INDEX_REDIS_URL="")
    wait_until(lambda: sum(together.queues.workers().values()))
    with pytest.raises(MoveError, match="1 worker is running"):
        apart.index_move.move(unseen)
    with pytest.raises(MoveError, match="the URL of the Redis to move to"):
        together.index_move.move(unseen)


# Repair


def repaired(services: Services) -> Repaired:
    *_, report = services.index_repair.repair(services.collections.active)
    return report


def test_an_index_that_agrees_is_left_alone(services: Services, jira: Site, clips: Path) -> None:
    history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    assert repaired(services) == Repaired(clips=2, tickets=2)


def forget_silently(services: Services, clip: Any) -> None:
    """The vectors' Redis has lost a clip that it said to have."""
    services.collections.active.index.forget_clip(clip.id)


def bring_back(services: Services, clip: Any) -> None:
    """It has lost that a clip was forgotten."""
    services.collections.active.catalogue.forget_clip(clip)


def leave_behind(services: Services, clip: Any) -> None:
    """It has lost that a clip's issue moved."""
    services.collections.active.index.move_clip(
        clip.id, ClipLocation(clip.issue_id, "ELSEWHERE", "")
    )


def lose_words(services: Services, clip: Any) -> None:
    """It has lost a ticket's words."""
    services.collections.active.tickets.forget(clip.issue_id)


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (forget_silently, {"lost_clips": 1}),
        (bring_back, {"stray": 1}),
        (leave_behind, {"moved": 1}),
        (lose_words, {"lost_tickets": 1}),
    ],
)
def test_what_a_redis_lost_is_repaired(
    services: Services, jira: Site, clips: Path, lose: Callable[..., None], told: dict[str, int]
) -> None:
    key, _ = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    record = services.collections.active.catalogue.issue_by_key(key)
    assert record is not None
    (clip,) = services.collections.active.catalogue.clips_of(record.id)
    before = services.collections.active.index.clip_vectors([clip.id])[clip.id]
    signature = services.collections.active.index.signatures([clip.id])[clip.id]
    lose(services, clip)
    report = repaired(services)
    assert {name: getattr(report, name) for name in told} == told
    assert sum((report.lost_clips, report.stray, report.moved, report.lost_tickets)) == 1
    work(services)
    assert repaired(services) == Repaired(clips=2 - report.stray, tickets=2)
    if report.stray:
        assert not services.collections.active.index.holds(clip.id)
        return
    after = services.collections.active.index.clip_vectors([clip.id])[clip.id]
    assert np.allclose(after.vectors, before.vectors, atol=1e-3)
    assert (
        services.collections.active.index.signatures([clip.id])[clip.id].pictures
        == signature.pictures
    ).all()
    assert services.collections.active.index.places([clip.id])[clip.id].project == "GAME"
    assert services.collections.active.tickets.places([record.id]) == {record.id: ("GAME", False)}


def test_an_index_is_not_emptied_because_records_were_lost(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    (clip,) = services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    where = services.collections.active.index.places([clip.id])[clip.id]
    frames = services.collections.active.index.clip_vectors([clip.id])[clip.id]
    for number in range(index_repair.FEW + 1):
        services.collections.active.index.write_clip(
            str(number), where, frames.times, frames.vectors
        )
    assert repaired(services).stray == 0
    assert services.collections.active.index.clip_count(["GAME"]) == index_repair.FEW + 2
    assert services.collections.active.catalogue.issue_by_key(key) is not None


def test_a_clip_that_is_forgotten_while_it_is_found_lost_stays_forgotten(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(services, jira, clips, COWS[0])
    (clip,) = services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    services.collections.active.index.forget_clip(clip.id)
    real = services.index_repair._embed_again

    def forgotten_before(*about: Any) -> bool:
        services.collections.active.catalogue.forget_clip(clip)
        return real(*about)

    monkeypatch.setattr(services.index_repair, "_embed_again", forgotten_before)
    assert repaired(services).lost_clips == 0
    assert services.collections.active.catalogue.clip(clip.id) is None


def test_the_index_is_compared_once_after_each_start_of_its_redis(
    services: Services, jira: Site, clips: Path, own: RedisServer
) -> None:
    history(services, jira, clips, COWS[0])

    def compares() -> bool:
        queue_if_due(services, INDEX_REPAIR)
        waits = "index-repair" in services.queues.get("default").job_ids
        work(services)
        return waits

    assert compares()
    assert not compares()
    own.stop()
    own.start()
    assert compares()
    assert not compares()
    (clip,) = services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    services.collections.active.index.forget_clip(clip.id)
    assert compares()
    assert services.collections.active.index.holds(clip.id)
    assert not compares()
    services.redis.set("dejabug:restoring", "x")
    own.stop()
    own.start()
    assert not compares()


def test_commands_of_the_index_teach(services: Services) -> None:
    for command in ("repair", "move", "adopt"):
        assert "Redis" in CliRunner().invoke(commands, ["index", command, "--help"]).output

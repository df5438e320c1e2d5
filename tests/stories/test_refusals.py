"""Redis is full, a replica, or without a disk: nothing is lost, requests that can be answered are,
everybody is told what to do, and everything continues by itself afterwards."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from flask import Flask

from dejabug.access.tokens import LAST_USED_STEP
from dejabug.cli.doctor import examine
from dejabug.index import ClipLocation
from dejabug.infra import redis_tolerant_worker
from dejabug.infra.logs import configure_logs
from dejabug.infra.metrics import REGISTRY
from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.infra.refused_writes import FULL as FULL_REDIS
from dejabug.infra.refused_writes import keep_briefly, refused
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.webhook_events import sign
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.gauges import Gauges
from dejabug.worker.health import feel_pulse
from dejabug.worker.housekeeping import Housekeeper
from dejabug.worker.warm_worker import WarmWorker
from support.api import Caller
from support.command_line import call
from support.demo_clips import COWS
from support.jira_site import Site
from support.processes import dejabug
from support.search_worker import searching
from support.servers import serve_in_a_thread
from support.tickets import history
from support.waiting import wait_until
from support.webhooks import SECRET, send_created

FULL, REPLICA, DISK = "full", "a replica", "without a disk"


@dataclass(frozen=True)
class Trouble:
    """A Redis that can be made to take no writes, in one of three ways."""

    server: RedisServer
    folder: Path
    kind: str

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.server.url)

    def begin(self) -> None:
        with self.redis as connection:
            if self.kind == FULL:
                connection.config_set("maxmemory", 1)
            elif self.kind == REPLICA:
                connection.replicaof("127.0.0.1", free_port())
            else:
                (self.folder / "dump.rdb").mkdir()
                connection.config_set("save", "3600 1")
                connection.bgsave()
                wait_until(lambda: connection.info("persistence")["rdb_last_bgsave_status"] != "ok")
        assert refused(self.redis) is not None

    def end(self) -> None:
        with self.redis as connection:
            if self.kind == FULL:
                connection.config_set("maxmemory", 0)
            elif self.kind == REPLICA:
                connection.replicaof("NO", "ONE")
            else:
                (self.folder / "dump.rdb").rmdir()
                connection.bgsave()
        wait_until(lambda: refused(self.redis) is None)

    @contextmanager
    def there(self) -> Iterator[None]:
        """For as long as this lasts."""
        self.begin()
        try:
            yield
        finally:
            self.end()


@pytest.fixture(params=[FULL, REPLICA, DISK])
def trouble(tmp_path: Path, request: Any) -> Iterator[Trouble]:
    folder = tmp_path / "own"
    with RedisServer(folder) as server:
        yield Trouble(server, folder, request.param)


@pytest.fixture
def environment(environment: dict[str, str], trouble: Trouble) -> dict[str, str]:
    return {**environment, "DEJABUG_REDIS_URL": trouble.server.url}


def post(app: Flask, event: dict[str, Any]) -> Any:
    body = json.dumps({"user": {"accountId": "tester"}, **event}).encode()
    headers = {"X-Hub-Signature": sign(SECRET, body)}
    return app.test_client().post("/webhooks/jira", data=body, headers=headers)


CREATED = {"webhookEvent": "jira:issue_created", "issue": {"id": "10001", "key": "GAME-1"}}
DELETED = {**CREATED, "webhookEvent": "jira:issue_deleted"}
COMMENT = {
    "webhookEvent": "comment_created",
    "issue": {"id": "10001", "key": "GAME-1"},
    "comment": {"id": "7", "author": {"accountId": "tester"}, "body": "/dejabug again"},
}


def test_a_webhook_that_cannot_be_kept_gets_503_and_is_kept_when_it_comes_again(
    app: Flask, services: Services, trouble: Trouble
) -> None:
    trouble.begin()
    events = (CREATED, DELETED, COMMENT)
    assert [post(app, event).status_code for event in events] == [503] * 3
    assert app.test_client().get("/healthz").status_code == 200
    trouble.end()
    assert [post(app, event).status_code for event in events] == [202] * 3
    assert len(services.queues.get("default")) == 3
    assert services.redis.zscore(PENDING, "10001") is not None


def test_everybody_who_watches_is_told_what_to_do(
    app: Flask, services: Services, trouble: Trouble
) -> None:
    client = app.test_client()
    trouble.begin()
    says, remedy = {
        FULL: ("Redis is full", "maxmemory"),
        REPLICA: ("is a replica", "DEJABUG_REDIS_URL"),
        DISK: ("can't write to its disk", "Free disk space"),
    }[trouble.kind]
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert any(says in each and remedy in each for each in ready.get_json()["problems"])
    (found,) = [check for check in examine(services, model=False) if check.what == "Redis"]
    assert not found.well
    assert says in found.says
    assert remedy in found.remedy
    assert gauge(services, "dejabug_redis_takes_writes") == 0
    trouble.end()
    assert gauge(services, "dejabug_redis_takes_writes") == 1
    assert not any(says in each for each in client.get("/readyz").get_json()["problems"])


def gauge(services: Services, name: str) -> float | None:
    found = [each for each in Gauges(services.settings).collect() if each.name == name]
    return found[0].samples[0].value if found else None


@pytest.mark.parametrize("trouble", [FULL], indirect=True)
def test_while_redis_is_full_searches_and_pages_answer(
    caller: Caller, services: Services, jira: Site, clips: Path, trouble: Trouble
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1])
    cookie = services.sessions.begin(caller.token.principal)
    for token in services.redis.scan_iter("dejabug:token:*"):
        # Its last use is to be noted again.
        services.redis.hset(token, "last_used", 1.0)
    assert LAST_USED_STEP > 1
    with searching(services), trouble.there():
        words = caller.search("meadow")
        assert words.status_code == 200, words.get_json()
        assert {each["key"] for each in words.get_json()["results"]} == set(old)
        page = caller.search("meadow", limit=1).get_json()
        rest = caller.search("meadow", limit=1, cursor=page["next"]).get_json()
        assert {each["key"] for each in (*page["results"], *rest["results"])} == set(old)
        like = caller.get(f"/issues/{old[0]}/similar")
        assert like.status_code == 200, like.get_json()
        assert [each["key"] for each in like.get_json()["results"]] == [old[1]]
        assert caller.get("/status").status_code == 200
        sent = caller.send((clips / COWS[2]).read_bytes())
        assert sent.status_code == 503
        assert int(sent.headers["Retry-After"]) > 0
    caller.client.set_cookie("dejabug_session", cookie)
    with trouble.there():
        for address in ("/", "/status"):
            assert caller.client.get(address).status_code == 200


@pytest.mark.parametrize("trouble", [FULL], indirect=True)
def test_what_is_kept_beyond_the_limit_is_gone_soon(services: Services, trouble: Trouble) -> None:
    trouble.begin()
    assert keep_briefly(services.redis, "one", "x", 60)
    assert not keep_briefly(services.redis, "one", "y", 60, new=True)
    assert 0 < services.redis.ttl("one") <= 60
    assert services.redis.get("one") == b"x"


@pytest.mark.parametrize("trouble", [FULL], indirect=True)
def test_a_purge_makes_room_in_a_redis_that_is_full(
    services: Services, jira: Site, trouble: Trouble
) -> None:
    times, random = np.arange(10, dtype=np.float32), np.random.default_rng(1)
    for number in range(20):
        vectors = random.normal(size=(10, services.encoder.dimensions)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        clip_id, issue_id = str(number), str(10_000 + number)
        services.collections.active.index.write_clip(
            clip_id, ClipLocation(issue_id, "GAME", "game"), times, vectors
        )
        services.collections.active.catalogue.put_issue(
            IssueRecord(issue_id, f"GAME-{number}", "GAME", "game")
        )
        clip = ClipRecord(clip_id, issue_id, "c.mp4", 1, ClipStatus.INDEXED, "", 10, 5, attached=1)
        services.collections.active.catalogue.put_clip(clip)
    with trouble.redis as connection:
        used = int(connection.info("memory")["used_memory"])
        connection.config_set("maxmemory", used - 200_000)
        assert refused(connection) is FULL_REDIS
    done = call("purge", "--older-than", "1d", "--yes")
    assert done.exit_code == 0, done.output
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 20
    assert refused(services.redis) is None


def test_workers_wait_and_then_do_all_that_there_is(
    start: Any, services: Services, jira: Site, clips: Path, trouble: Trouble, tmp_path: Path
) -> None:
    """The one is idle when it begins, the other has a clip in its hands, and the third is started
    in the middle of it: none ends, and no clip and no comment is lost."""
    idle, busy = start("default", "previews"), start("search", "clips")
    old = jira.file("GAME", "old cows", clips / COWS[0])
    send_created(services, jira, old)
    wait_until(lambda: services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1)
    download = jira.hold("/rest/api/2/attachment/content")
    new = jira.file("GAME", "new cows", clips / COWS[1])
    send_created(services, jira, new)
    (clip,) = (each["id"] for each in jira.issue(new)["fields"]["attachment"])
    begun = services.queues.get("clips").started_job_registry
    wait_until(lambda: any(job.endswith(f"-{clip}") for job in begun.get_job_ids(cleanup=False)))
    assert services.queues.workers()["default"] == 1
    trouble.begin()
    third = start("previews", "default")

    def waiting() -> list[bool]:
        logs = [tmp_path / f"worker-{number}.log" for number in range(3)]
        return ["redis_refuses_writes" in log.read_text("utf-8", "replace") for log in logs]

    download.set()
    wait_until(lambda: all(waiting()))
    assert [worker.poll() for worker in (idle, busy, third)] == [None] * 3
    trouble.end()
    (comment,) = wait_until(lambda: jira.comments(new))
    assert f"[{old}|" in comment["body"]
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2
    wait_until(lambda: services.queues.workers()["previews"] == 2)
    assert [worker.poll() for worker in (idle, busy, third)] == [None] * 3


def test_what_rq_writes_in_passing_ends_no_worker(
    services: Services, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_tolerant_worker, "LOOK", 0.01)
    worker = WarmWorker([services.queues.get("default")], services.redis)
    trouble.begin()
    worker.check_for_suspension(burst=False)
    worker.heartbeat()
    worker.run_maintenance_tasks()
    with pytest.raises(redis.ResponseError) as refused_write:
        services.redis.set("x", "y" * 100)
    worker._pubsub_exception_handler(refused_write.value, None, None)
    trouble.end()


@pytest.mark.parametrize("trouble", [FULL], indirect=True)
def test_a_worker_that_waits_ends_when_it_is_told_to_and_is_not_called_ill(
    start: Any, cold_services: Services, trouble: Trouble, tmp_path: Path
) -> None:
    worker = start("default", "previews")
    wait_until(lambda: cold_services.queues.workers()["default"] == 1)
    trouble.begin()
    log = tmp_path / "worker-0.log"
    wait_until(lambda: "redis_refuses_writes" in log.read_text("utf-8"))
    with pytest.raises(redis.RedisError, match="full"):
        feel_pulse(cold_services.redis, socket.gethostname())
    assert dejabug("worker-health", DEJABUG_REDIS_URL=trouble.server.url).returncode == 0
    worker.terminate()
    assert worker.wait(20) == 0, log.read_text("utf-8")
    assert "Traceback" not in log.read_text("utf-8")


@pytest.mark.parametrize("trouble", [FULL], indirect=True)
def test_a_housekeeper_says_once_a_minute_what_fails_each_second(
    cold_services: Services,
    trouble: Trouble,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure_logs("json")
    keeper = Housekeeper(
        cold_services.settings,
        WarmWorker([cold_services.queues.get("default")], cold_services.redis),
    )
    monkeypatch.setattr("dejabug.worker.housekeeping.SCHEDULING", 0.05)
    acquire, tries = keeper._scheduler.acquire_locks, []

    @wraps(acquire)
    def acquire_locks() -> None:
        tries.append(time.monotonic())
        acquire()

    monkeypatch.setattr(keeper._scheduler, "acquire_locks", acquire_locks)
    trouble.begin()
    keeper.start()
    wait_until(lambda: len(tries) > 4)
    keeper.stop()
    lines = [line for line in capsys.readouterr().err.splitlines() if "acquire_locks" in line]
    assert len(lines) == 1
    trouble.end()


# Failover


class Address:
    """A name that leads to one Redis and later to another, for new connections only: so do DNS
    names and virtual addresses."""

    def __init__(self, port: int) -> None:
        from socketserver import BaseRequestHandler, ThreadingTCPServer

        address = self
        self.leads_to = port

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", address.leads_to)) as there:
                    back = threading.Thread(target=pump, args=(there, self.request), daemon=True)
                    back.start()
                    pump(self.request, there)

        def pump(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                return

        ThreadingTCPServer.daemon_threads = True
        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        serve_in_a_thread(self._server)
        self.url = f"redis://127.0.0.1:{self._server.server_address[1]}/0"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("trouble", [REPLICA], indirect=True)
def test_after_a_failover_the_client_finds_the_new_primary_by_itself(
    cold_services: Services, trouble: Trouble, tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "second") as second:
        address = Address(trouble.server.port)
        settings = cold_services.settings.model_copy(update={"redis_url": address.url})
        app = create_app(Services(settings))
        assert post(app, CREATED).status_code == 202  # the connection stays open
        with redis.Redis.from_url(second.url) as new, trouble.redis as old:
            address.leads_to = second.port
            old.replicaof("127.0.0.1", second.port)
            # The connections that are open lead to what is a replica now.
            assert post(app, DELETED).status_code == 503
            assert post(app, DELETED).status_code == 202
            assert new.llen("rq:queue:default") == 1
        address.close()


# A connection that is lost


def test_a_webhook_whose_connection_is_lost_in_the_middle_is_not_taken_for_known(
    app: Flask, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py raises the same error as for a second copy of the event."""
    original = Scheduler.sync_issue

    def killed_at_it(*arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        trouble.server.kill()

    monkeypatch.setattr(Scheduler, "sync_issue", killed_at_it)
    assert post(app, CREATED).status_code == 503
    assert REGISTRY.get_sample_value(
        "dejabug_webhooks_total", {"kind": "created", "outcome": "not_remembered"}
    )

"""Protection against attackers: headers, foreign pages, foreign jobs, log lines."""

from __future__ import annotations

import json
import pickle
import zlib
from typing import Any
from uuid import uuid4

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue

from dejabug.infra.connections import connect
from dejabug.infra.errors import UserError
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import JobType
from dejabug.infra.logs import configure_logs
from dejabug.services import Services
from dejabug.settings import Settings
from dejabug.web import create_app
from dejabug.worker.warm_worker import WarmWorker

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/sign-in"),
        ("GET", "/pages/base.css"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/docs"),
        ("GET", "/api/v1/docs/start.js"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/media/a.b/video.mp4"),
        ("GET", "/forge/v1/issues/1/similar"),
        ("POST", "/webhooks/jira"),
        ("POST", "/slack/events"),
        ("GET", "/no/such/page"),
        ("DELETE", "/"),
        ("GET", "/boom"),
        ("OPTIONS", "/"),
    ],
)
def test_every_answer_says_what_browsers_may_do_with_it(
    cold_app: Flask, cold_client: FlaskClient, method: str, path: str
) -> None:
    @cold_app.get("/boom")
    def boom() -> str:
        raise RuntimeError("nobody thought of this")

    answer = cold_client.open(path, method=method)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    kept = answer.headers["Cache-Control"]
    assert "no-store" in kept or path.startswith(("/pages/", "/api/v1/docs/"))
    assert "Strict-Transport-Security" not in answer.headers  # this one is not meant for https
    assert "nobody thought of this" not in answer.text


def test_browsers_are_told_to_come_by_https_where_that_is_meant(cold_services: Services) -> None:
    there = Services(
        cold_services.settings.model_copy(update={"public_url": "https://dejabug.test"})
    )
    answer = create_app(there).test_client().get("/healthz")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_no_foreign_page_changes_anything_with_somebodys_session(
    cold_app: Flask, cold_client: FlaskClient, cold_services: Services
) -> None:
    """Whatever address is added: a session alone, from another site's page, changes nothing."""
    _, token = cold_services.tokens.create("Tess", ["GAME"])
    cold_client.set_cookie("dejabug_session", cold_services.sessions.begin(token.principal))
    tried = []
    for rule in cold_app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & UNSAFE):
            path = rule.build(dict.fromkeys(rule.arguments, "1"))
            assert path is not None
            for origin in ("https://evil.example", "null", None):
                headers = {"Origin": origin} if origin else {}
                answer = cold_client.open(path[1], method=method, headers=headers)
                assert answer.status_code in (401, 403, 404), f"{method} {rule}: {answer.status}"
            tried.append(rule.rule)
    assert {"/sign-out", "/sign-in", "/api/v1/search/clip", "/webhooks/jira"} <= set(tried)
    assert cold_client.get("/api/v1/status").status_code in (200, 503)  # the session is still there


@pytest.mark.parametrize(
    "path",
    [
        "/media/x.y/pictures/../../../etc/passwd.jpg",
        "/media/..%2f..%2fetc/passwd",
        "/pages/..%2f..%2fviews.py",
        "/pages/%2e%2e/views.py",
        "/api/v1/docs/..%2f__init__.py",
        "/api/v1/jobs/..%2f..%2fx",
    ],
)
def test_no_address_leads_out_of_its_folder(cold_client: FlaskClient, path: str) -> None:
    answer = cold_client.get(path)
    assert answer.status_code in (400, 401, 404)
    assert "import" not in answer.text


@pytest.mark.parametrize("clip_id", ["../x", "1/2", "", "1\n", ".", "a\x00"])
def test_no_clip_is_kept_outside_its_folder(cold_services: Services, clip_id: str) -> None:
    for store in (cold_services.media.thumbnails, cold_services.media.previews):
        with pytest.raises(ValueError, match="not a valid clip id"):
            store.forget(clip_id)


# Jobs: who may write to Redis must not be able to run what they want.


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("import pathlib; pathlib.Path('unpickled').touch()",))


@pytest.mark.parametrize(
    "function",
    [
        "os.system",
        "subprocess.run",
        "builtins.exec",
        "dejabug.media.limited_process.run",
        "dejabug.jobs.time.sleep",
        "dejabug.jobs.enqueue",
        "dejabug.jobs.no_such_job",
        "test_security.touch",
    ],
)
def test_a_job_that_is_none_of_ours_is_thrown_away(
    cold_services: Services, function: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    queue = cold_services.queues.get("default")
    queue.enqueue(function, "touch here")
    run(cold_services, queue)
    assert list(tmp_path.glob("here")) == []
    assert queue.count == 0
    assert cold_services.redis.keys("rq:job:*") == []


def touch(_: str) -> None:
    """A function that somebody might name."""
    from pathlib import Path

    Path("here").touch()


def test_a_pickled_job_and_a_callback_are_thrown_away(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    queue = cold_services.queues.get("default")
    ours = json.dumps(["dejabug.jobs.forget_issue", None, ["1"], {}]).encode()
    for data, more in (
        (pickle.dumps(Evil()), {}),
        (zlib.compress(pickle.dumps(Evil())), {}),
        (zlib.compress(ours), {"success_callback_name": "test_security.touch"}),
    ):
        job = str(uuid4())
        fields = {"data": data, "created_at": "2026-01-12T09:00:00.000000Z", "origin": "default"}
        cold_services.redis.hset(f"rq:job:{job}", mapping={**fields, **more})
        cold_services.redis.rpush("rq:queue:default", job)
    run(cold_services, queue)
    assert not (tmp_path / "unpickled").exists()
    assert not (tmp_path / "here").exists()
    assert queue.count == 0


def run(services: Services, queue: Queue) -> None:
    WarmWorker([queue], services.redis).work(burst=True, logging_level="WARNING")


def test_a_job_that_workers_would_refuse_is_not_queued(cold_services: Services) -> None:
    with pytest.raises(ValueError, match="JOBS"):
        enqueue(
            cold_services.queues.get("default"), JobType(f"{__name__}.touch", module=__name__), "x"
        )


# Logs


@pytest.mark.parametrize("style", ["text", "json"])
def test_nobody_writes_a_line_of_their_own_into_our_log(
    style: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(style)
    forged = "x\n2026-01-12 [info] forged\r\x1b[2Jgone\u2028too\x85"
    structlog.get_logger().warning("webhook_not_understood", why=forged)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "\x1b[2J" not in said
    assert "forged" in said


def test_the_settings_and_their_picture_hide_redis_password() -> None:
    settings = Settings(redis_url="rediss://us:p@ss@redis.test:6380/1")
    assert "p@ss" not in repr(settings)
    assert settings.redis_address == "rediss://redis.test:6380/1"
    with pytest.raises(UserError, match="percent-encoded") as caught:
        connect(Settings(redis_url="redis://:torn/word@redis.test:1/0"))
    assert "torn" not in str(caught.value)
    for host in ("redis..test", f"{'a' * 64}.test"):  # no name that a resolver takes
        with pytest.raises(UserError, match="DEJABUG_REDIS_URL is not a valid Redis URL"):
            connect(Settings(redis_url=f"redis://{host}:6379/0"))

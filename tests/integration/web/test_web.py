"""Webhooks in, health out."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from pydantic import SecretStr

from dejabug.infra.errors import UserError
from dejabug.infra.job_queue import QUEUES
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.jira.webhook_events import sign
from dejabug.records.outbox import PENDING
from dejabug.records.webhook_keys import REFUSALS, echo_key
from dejabug.services import Services
from dejabug.settings import Settings
from dejabug.web import create_app
from support.jira_site import Site
from support.servers import serve_in_a_thread
from support.waiting import wait_until
from support.webhooks import SECRET, body, post


def kept(store: redis.Redis) -> set[bytes]:
    beside = (b"rq:workers", REFUSALS.encode())
    return {key for key in store.scan_iter() if not key.startswith(beside)}


def test_a_signed_event_is_remembered_and_queued(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    answer = post(cold_client, body())
    assert answer.status_code == 202
    assert answer.get_json()["outcome"] == "remembered"
    jobs = cold_services.queues.get("default").jobs
    assert [(job.func_name, list(job.args)) for job in jobs] == [
        ("dejabug.jobs.sync_issue", ["10001", True])
    ]
    assert cold_services.redis.zscore(PENDING, "10001") is not None


def test_the_same_event_twice_changes_nothing(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    post(cold_client, body())
    before = {key: cold_services.redis.object("encoding", key) for key in kept(cold_services.redis)}
    # Jira's identifier and retry counter lie outside the signature.
    again = post(cold_client, body(), **{"X-Atlassian-Webhook-Retry": "1"})
    assert (again.status_code, again.get_json()["outcome"]) == (202, "known already")
    assert {
        key: cold_services.redis.object("encoding", key) for key in kept(cold_services.redis)
    } == before
    assert len(cold_services.queues.get("default")) == 1


def test_many_copies_at_once_queue_one_job(cold_services: Services) -> None:
    app = create_app(cold_services)
    statuses: list[int] = []

    def send() -> None:
        statuses.append(post(app.test_client(), body()).status_code)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 12
    assert len(cold_services.queues.get("default")) == 1


@pytest.mark.parametrize("signature", ["", "sha256=00", sign("another secret", body())])
def test_a_forged_event_gets_401_and_leaves_nothing(
    cold_client: FlaskClient, cold_services: Services, signature: str
) -> None:
    answer = post(cold_client, body(), signature)
    assert answer.status_code == 401
    assert "signature" in answer.get_json()["reason"] or "secret" in answer.get_json()["reason"]
    assert kept(cold_services.redis) == set()


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[]", b'{"zen": 1}', b'{"issue": {"id": "x"}}']
)
def test_a_body_that_is_not_jira_s_gets_400_with_the_reason(
    cold_client: FlaskClient, cold_services: Services, content: bytes
) -> None:
    answer = post(cold_client, content)
    assert answer.status_code == 400
    assert answer.get_json()["reason"]
    assert kept(cold_services.redis) == set()


def test_a_body_over_the_limit_gets_413(
    cold_services: Services, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = cold_services.settings.model_copy(update={"webhook_max_bytes": 2048})
    client = create_app(Services(settings)).test_client()
    assert post(client, body(filler="x" * 4000)).status_code == 413
    assert kept(cold_services.redis) == set()


def test_a_body_of_twenty_megabytes_is_taken(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    issue = {"id": "10001", "key": "GAME-1", "fields": {"description": "x" * 20_000_000}}
    assert post(cold_client, body(issue=issue)).status_code == 202
    assert len(cold_services.queues.get("default")) == 1


def test_redis_away_gets_503_so_that_jira_sends_again(cold_services: Services) -> None:
    away = cold_services.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    answer = post(create_app(Services(away)).test_client(), body())
    assert answer.status_code == 503
    ready = create_app(Services(away)).test_client().get("/readyz")
    assert ready.status_code == 503
    assert create_app(Services(away)).test_client().get("/healthz").status_code == 200


def test_events_of_our_own_account_trigger_nothing(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    cold_services.redis.set(OWN_ACCOUNT, "bot")
    answer = post(cold_client, body(webhookEvent="jira:issue_updated", user={"accountId": "bot"}))
    assert (answer.status_code, answer.get_json()["outcome"]) == (200, "ignored")
    assert len(cold_services.queues.get("default")) == 0


def test_events_we_have_no_use_for_get_200(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    assert post(cold_client, body(webhookEvent="comment_created")).status_code == 200
    assert len(cold_services.queues.get("default")) == 0


@pytest.mark.parametrize(
    ("changes", "job", "arguments"),
    [
        ({"webhookEvent": "jira:issue_deleted"}, "forget_issue", ["10001"]),
        ({"webhookEvent": "jira:issue_updated"}, "sync_issue", ["10001", False]),
        (
            {
                "webhookEvent": "jira:issue_updated",
                "changelog": {"items": [{"field": "Attachment", "to": "7"}]},
            },
            "sync_issue",
            ["10001", True],
        ),
    ],
)
def test_each_kind_of_event_queues_its_job(
    cold_client: FlaskClient, cold_services: Services, changes: Any, job: str, arguments: list[Any]
) -> None:
    post(cold_client, body(**changes))
    (queued,) = cold_services.queues.get("default").jobs
    assert (queued.func_name, list(queued.args)) == (f"dejabug.jobs.{job}", arguments)


def test_nothing_of_a_ticket_s_text_is_logged(
    cold_client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    issue = {"id": "10001", "key": "GAME-1", "fields": {"summary": "unreleased boss"}}
    post(cold_client, body(issue=issue))
    post(cold_client, body(issue=issue), "sha256=00")
    said = capsys.readouterr()
    assert "unreleased" not in said.out + said.err
    assert SECRET not in said.out + said.err


def test_ready_means_redis_index_and_workers(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    answer = cold_client.get("/readyz")
    assert answer.status_code == 503
    assert "no worker has loaded the encoder" in answer.get_json()["problems"][0]
    cold_services.redis.hset("dejabug:dimensions", "starter:2@squash", 8)
    app = create_app(Services(cold_services.settings)).test_client()
    missing = [f"no worker on queue {queue}" for queue in QUEUES]
    # A new index is being built for a moment, and says so.
    wait_until(lambda: app.get("/readyz").get_json()["problems"] == missing)
    assert app.get("/readyz").status_code == 503


def test_webhooks_are_taken_while_no_worker_lives_and_a_load_balancer_learns_it(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    assert cold_client.get("/readyz").status_code == 503
    assert cold_client.get("/readyz/webhooks").status_code == 200
    assert post(cold_client, body()).status_code == 202
    away = cold_services.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    assert create_app(Services(away)).test_client().get("/readyz/webhooks").status_code == 503


def test_previews_need_a_worker_only_where_media_can_be_shown(cold_services: Services) -> None:
    none = cold_services.settings.model_copy(update={"media_secret": SecretStr("")})
    assert "previews" in cold_services.queues.workers()
    assert "previews" not in Services(none).queues.workers()


def test_the_service_does_not_start_without_a_webhook_secret() -> None:
    with pytest.raises(UserError, match="DEJABUG_WEBHOOK_SECRET"):
        create_app(Services(Settings(webhook_secret="")))  # type: ignore[arg-type]


def test_the_web_process_never_loads_torch() -> None:
    code = (
        "import dejabug.web, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_real_webhooks_of_the_stand_in_are_taken(jira: Site, cold_services: Services) -> None:
    """Signed by the stand-in, sent over HTTP to the real app."""
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, create_app(cold_services))
    serve_in_a_thread(server)
    try:
        hook = {
            "name": "t", "url": f"http://127.0.0.1:{server.port}/webhooks/jira",
            "events": ["jira:issue_created"], "secret": SECRET,
        }  # fmt: skip
        jira.call("POST", "/rest/webhooks/1.0/webhook", "admin", json=hook)
        jira.file("GAME", "s")
        assert wait_until(lambda: len(cold_services.queues.get("default")) == 1)
        assert [d["status"] for d in jira.log()["deliveries"]] == [202]
    finally:
        server.shutdown()


def comment(text: str, who: str = "tester") -> bytes:
    told = {"id": "30007", "author": {"accountId": who}, "body": text}
    return body(webhookEvent="comment_created", comment=told, user=None)


def test_a_comment_that_speaks_to_us_is_queued_to_be_obeyed_once(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    for _ in range(2):
        assert post(cold_client, comment("/dejabug mute")).status_code == 202
    (job,) = cold_services.queues.get("default").jobs
    assert (job.func_name, list(job.args)) == ("dejabug.jobs.obey", ["10001", "30007"])


def test_other_comments_are_nothing_to_do(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    answer = post(cold_client, comment("I love /dejabug"))
    assert answer.status_code in (200, 202)
    answer = post(cold_client, comment("thank you"))
    assert (answer.status_code, answer.get_json()["outcome"]) == (200, "ignored")


def test_our_own_comment_is_no_command_but_leaves_an_echo_for_the_check(
    cold_client: FlaskClient, cold_services: Services
) -> None:
    cold_services.redis.set(OWN_ACCOUNT, "bot")
    assert post(cold_client, comment("/dejabug mute", "bot")).get_json()["outcome"] == "ignored"
    assert cold_services.queues.get("default").count == 0
    assert cold_services.redis.exists(echo_key("30007"))

"""`POST /webhooks/jira`: verify, remember, answer within milliseconds. The work is a queue's."""

from __future__ import annotations

import contextlib
import hashlib

import redis
import structlog
from flask import Blueprint, Response, current_app, g, jsonify, request

from dejabug.infra.metrics import WEBHOOK_SECONDS, WEBHOOKS
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.jira.webhook_events import (
    Event,
    PayloadError,
    SignatureError,
    is_own,
    parse_event,
    verify_signature,
)
from dejabug.records.webhook_keys import ECHO_MEMORY, EVENT_MEMORY, REFUSALS, echo_key, event_key
from dejabug.services import Services

log = structlog.get_logger()
blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/jira")
@WEBHOOK_SECONDS.time()
def jira_webhook() -> tuple[Response, int]:
    """Take one event of Jira's.

    202 remembered (or known already), 200 nothing to do, 400 not Jira's (with the reason), 401 not
    signed with our secret, 413 too large, 503 Redis is away or takes no writes: Jira will
    send it again.
    """
    services: Services = current_app.extensions["dejabug"]
    body = request.get_data()
    try:
        secret = services.settings.webhook_secret.get_secret_value()
        verify_signature(secret, body, request.headers.get("X-Hub-Signature"))
        event = parse_event(body)
        g.kind = event.kind
    except SignatureError as error:
        _count_refusal(services)
        log.warning("webhook_refused", why=str(error), bytes=len(body))
        return _answer(401, "refused", str(error))
    except PayloadError as error:
        log.warning("webhook_not_understood", why=str(error), bytes=len(body))
        return _answer(400, "not understood", str(error))
    if event.kind == "ignored" and not event.comment_id:
        return _answer(200, "ignored", event.reason)
    try:
        if is_own(event, services.redis.get(OWN_ACCOUNT)):
            if event.comment_id:
                # Our own check of the webhooks waits for this.
                services.redis.set(echo_key(event.comment_id), 1, ex=ECHO_MEMORY)
            return _answer(200, "ignored", "caused by our own account")
        if event.kind == "ignored":
            return _answer(200, "ignored", event.reason)
        fresh = remember(services, event, body)
    except redis.RedisError as error:
        # Not remembered, so not answered well: Jira repeats events that got a 503.
        log.error("webhook_not_remembered", why=str(error), issue_id=event.issue_id)
        return _answer(503, "not remembered", "storage is away, please send this again")
    log.info("webhook", kind=event.kind, issue_id=event.issue_id, fresh=fresh)
    return _answer(202, "remembered" if fresh else "known already", event.kind)


def remember(services: Services, event: Event, body: bytes) -> bool:
    """Put the event's work on a queue, in one transaction with its memory; False if known.

    The body's digest tells repeats. Jira's own identifier of an event lies outside the signature.
    """
    try:
        return _remember(services, event, body)
    except redis.WatchError:
        # A second copy at the same moment finds the first one now. redis-py says the same of a
        # connection that was lost, and then nothing was remembered.
        return _remember(services, event, body)


def _remember(services: Services, event: Event, body: bytes) -> bool:
    key = event_key(hashlib.sha256(body).hexdigest())
    with services.redis.pipeline(transaction=True) as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call]
        if pipe.exists(key):
            return False
        pipe.multi()
        pipe.set(key, event.issue_id, ex=EVENT_MEMORY)
        if event.kind == "comment":
            services.scheduler.handle_commands(event.issue_id, event.comment_id, pipe)
        elif event.kind == "deleted":
            services.scheduler.forget_issue(event.issue_id, pipe)
        else:
            watch = event.kind == "created" or event.new_attachments
            services.scheduler.sync_issue(event.issue_id, watch, pipe)
        pipe.execute()
    return True


def _count_refusal(services: Services) -> None:
    """For the check of webhooks, which can then tell a wrong secret from silence."""
    with contextlib.suppress(redis.RedisError):
        services.redis.incr(REFUSALS)


def _answer(status: int, outcome: str, reason: str) -> tuple[Response, int]:
    WEBHOOKS.labels(g.get("kind", "none"), outcome.replace(" ", "_")).inc()
    return jsonify(outcome=outcome, reason=reason), status

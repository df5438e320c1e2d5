"""`POST /webhooks/jira`: verify, store and answer within milliseconds. Jobs do the work."""

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
    """Accept an event from Jira.

    202: stored, or already known. 200: nothing to do. 400: not an event of Jira, with the reason.
    401: not signed with our secret. 413: too large. 503: Redis is down or does not accept writes;
    Jira sends the event again.
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
                # `dejabug jira check` waits for this.
                services.redis.set(echo_key(event.comment_id), 1, ex=ECHO_MEMORY)
            return _answer(200, "ignored", "caused by our own account")
        if event.kind == "ignored":
            return _answer(200, "ignored", event.reason)
        fresh = remember(services, event, body)
    except redis.RedisError as error:
        # Not stored: Jira repeats events that get a 503.
        log.error("webhook_not_remembered", why=str(error), issue_id=event.issue_id)
        return _answer(503, "not remembered", "storage is not available; send this event again")
    log.info("webhook", kind=event.kind, issue_id=event.issue_id, fresh=fresh)
    return _answer(202, "remembered" if fresh else "known already", event.kind)


def remember(services: Services, event: Event, body: bytes) -> bool:
    """Queue the event's job and store its digest in one transaction. False if it is a repeat.

    Repeats have the same body, so its digest identifies them: Jira's event ID is not signed.
    """
    try:
        return _remember(services, event, body)
    except redis.WatchError:
        # A second copy came at the same moment: now it finds the first one. redis-py raises the
        # same error after a lost connection, and then nothing was stored.
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
    """Count it for `dejabug jira check`, which then knows a wrong secret from missing webhooks."""
    with contextlib.suppress(redis.RedisError):
        services.redis.incr(REFUSALS)


def _answer(status: int, outcome: str, reason: str) -> tuple[Response, int]:
    WEBHOOKS.labels(g.get("kind", "none"), outcome.replace(" ", "_")).inc()
    return jsonify(outcome=outcome, reason=reason), status

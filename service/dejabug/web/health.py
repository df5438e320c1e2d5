"""`/healthz`: the process lives. `/readyz`: the installation can do its work, and says with what.
`/readyz/webhooks`: this process can take what Jira sends."""

from __future__ import annotations

from typing import Any

import redis
from flask import Blueprint, Response, current_app, jsonify

from dejabug.index import IndexUnavailableError
from dejabug.infra.refused_writes import refusal, refused
from dejabug.maintenance.index_repair import lacks
from dejabug.records.types import ClipStatus
from dejabug.services import Services

blueprint = Blueprint("health", __name__)

# Share of the clips that an index may lack, and still be called whole: some are written just now.
LOST_AT_MOST = 0.01


@blueprint.get("/healthz")
def healthz() -> Response:
    """Always 200, without any I/O."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when Redis answers and takes writes, the index is complete and each queue has a worker;
    else 503."""
    services: Services = current_app.extensions["dejabug"]
    try:
        report = readiness(services)
    except (redis.RedisError, IndexUnavailableError) as error:
        return jsonify(ready=False, problems=[str(refusal(error) or error)]), 503
    return jsonify(report), 200 if report["ready"] else 503


@blueprint.get("/readyz/webhooks")
def takes_webhooks() -> tuple[Response, int]:
    """200 when Redis answers, else 503. What a load balancer should ask.

    `/readyz` is for people and alarms: while no worker lives it says 503, and webhooks must come in
    all the same, since their work waits in Redis. A Redis that is full counts as well: it answers
    searches, and webhooks get their 503 each.
    """
    services: Services = current_app.extensions["dejabug"]
    try:
        # Redis refuses this, too, while it loads its data or cannot write it to disk.
        services.redis.ping()
    except redis.RedisError as error:
        return jsonify(ready=False, problems=[str(refusal(error) or error)]), 503
    return jsonify(ready=True, problems=[]), 200


def readiness(services: Services) -> dict[str, Any]:
    """Model, device and index in use, and what is missing. Raises redis.RedisError."""
    state = services.collections.active.index.state()
    problems = [
        f"no worker on queue {name}"
        for name, count in services.queues.workers().items()
        if not count
    ]
    if (why := refused(services.redis)) is not None:
        problems.insert(0, str(why))
    if not state.ready:
        problems.append(f"the index {state.name} is still being built")
    lost = lacks(services.collections.active)
    if lost > LOST_AT_MOST * services.collections.active.catalogue.count(ClipStatus.INDEXED):
        problems.append(f"the index lacks {lost:,} clips: see dejabug doctor")
    if state.failures:
        problems.append(f"{state.failures} frames could not be indexed")
    return {
        "ready": not problems,
        "problems": problems,
        "encoder": services.collections.active.label(),
        "index": state.name,
        "algorithm": state.algorithm,
        "frames": state.frames,
    }

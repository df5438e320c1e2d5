"""`/healthz`: the process is alive. `/readyz`: the installation works, and with which model and
index. `/readyz/webhooks`: this process can accept webhooks."""

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

# Share of the clips that may be missing from an index that counts as complete: some are being
# written.
LOST_AT_MOST = 0.01


@blueprint.get("/healthz")
def healthz() -> Response:
    """Always 200, without any I/O."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 if Redis answers and accepts writes, the index is complete and each queue has a worker;
    otherwise 503."""
    services: Services = current_app.extensions["dejabug"]
    try:
        report = readiness(services)
    except (redis.RedisError, IndexUnavailableError) as error:
        return jsonify(ready=False, problems=[str(refusal(error) or error)]), 503
    return jsonify(report), 200 if report["ready"] else 503


@blueprint.get("/readyz/webhooks")
def takes_webhooks() -> tuple[Response, int]:
    """200 if Redis answers, otherwise 503. Use this one for a load balancer.

    `/readyz` is for people and alerts: it is 503 while no worker runs, but webhooks must still come
    in, since their jobs wait in Redis. A full Redis is 200 here: searches still work, and each
    webhook gets its own 503.
    """
    services: Services = current_app.extensions["dejabug"]
    try:
        # Redis rejects this, too, while it loads its data or cannot write it to disk.
        services.redis.ping()
    except redis.RedisError as error:
        return jsonify(ready=False, problems=[str(refusal(error) or error)]), 503
    return jsonify(ready=True, problems=[]), 200


def readiness(services: Services) -> dict[str, Any]:
    """The model, device and index in use, and any problems. Raises redis.RedisError."""
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

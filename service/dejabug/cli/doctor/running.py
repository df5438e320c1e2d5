"""Checks of what runs: workers, their jobs, our metrics."""

from __future__ import annotations

import redis
import requests

from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.job_queue import QUEUES
from dejabug.services import Services

# Seconds that an issue may wait to be read, before somebody should look why.
LONG_PROMISE = 3600
# Seconds for our own metrics to answer.
METRICS_TIMEOUT = 5


def check_workers(services: Services) -> str:
    """Who works on each queue. Raises UnwellError."""
    try:
        served = services.queues.workers()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    missing = [name for name, count in served.items() if not count]
    if missing:
        raise UnwellError(
            f"nobody works on: {', '.join(missing)}",
            f"Start one with: dejabug worker {' '.join(missing)}",
        )
    return ", ".join(f"{name}: {count}" for name, count in served.items())


def check_jobs(services: Services) -> str:
    """Jobs that wait or were given up, and issues that nobody reads. Raises UnwellError."""
    try:
        failed = {name: services.queues.get(name).failed_job_registry.count for name in QUEUES}
        waiting = sum(services.queues.get(name).count for name in QUEUES)
        late = services.outbox.older_than(LONG_PROMISE)
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    if late:
        raise UnwellError(
            f"{len(late)} issues have waited for over an hour to be read",
            "See workers and Jira; the log's events jira_unavailable and job_ended say why.",
        )
    if sum(failed.values()):
        told = ", ".join(f"{name}: {count}" for name, count in failed.items() if count)
        raise UnwellError(
            f"given up ({told})",
            "The log's event job_ended with outcome failed says why; look again at such a ticket "
            "with /dejabug again in a comment.",
        )
    return f"{waiting:,} waiting, none given up"


def check_metrics(services: Services) -> str:
    """Our own metrics. Raises UnwellError."""
    host, port = services.settings.metrics_host, services.settings.metrics_port
    if not port:
        return "off (DEJABUG_METRICS_PORT)"
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (asked for, not bound)
    try:
        answer = requests.get(f"http://{here}:{port}/metrics", timeout=METRICS_TIMEOUT)
    except requests.RequestException:
        return f"on {host}:{port}, where no process of this machine answers now"
    if "dejabug_build_info" not in answer.text:
        raise UnwellError(
            f"another program answers on {host}:{port}", "Choose another DEJABUG_METRICS_PORT."
        )
    return f"on {host}:{port}"

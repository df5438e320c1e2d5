"""Checks of running processes: workers, their jobs, metrics."""

from __future__ import annotations

import redis
import requests

from dejabug.cli.common import counted
from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.job_queue import QUEUES
from dejabug.services import Services

# Seconds that an issue may wait to be read before this is a problem.
LONG_PROMISE = 3600
# Seconds for our own metrics to answer.
METRICS_TIMEOUT = 5


def check_workers(services: Services) -> str:
    """The number of workers on each queue. Raises UnwellError."""
    try:
        served = services.queues.workers()
    except redis.RedisError as error:
        raise UnwellError(f"can't be read: {error}", "Fix Redis first.") from error
    missing = [name for name, count in served.items() if not count]
    if missing:
        raise UnwellError(
            f"no worker for: {', '.join(missing)}",
            f"Start one with: dejabug worker {' '.join(missing)}",
        )
    return ", ".join(f"{name}: {count}" for name, count in served.items())


def check_jobs(services: Services) -> str:
    """Queued and failed jobs, and issues that wait too long. Raises UnwellError."""
    try:
        failed = {name: services.queues.get(name).failed_job_registry.count for name in QUEUES}
        waiting = sum(services.queues.get(name).count for name in QUEUES)
        late = services.outbox.older_than(LONG_PROMISE)
    except redis.RedisError as error:
        raise UnwellError(f"can't be read: {error}", "Fix Redis first.") from error
    if late:
        raise UnwellError(
            f"{counted(len(late), 'issue')} waiting for over an hour to be read",
            "Check the workers and Jira above. The workers' log says why: see the events "
            "jira_unavailable and job_ended.",
        )
    if sum(failed.values()):
        told = ", ".join(f"{name}: {count}" for name, count in failed.items() if count)
        raise UnwellError(
            f"failed jobs ({told})",
            "The workers' log says why: see the event job_ended with outcome=failed. To process a "
            "ticket again, comment on it: /dejabug again",
        )
    return f"{waiting:,} waiting, none failed"


def check_metrics(services: Services) -> str:
    """The Prometheus metrics. Raises UnwellError."""
    host, port = services.settings.metrics_host, services.settings.metrics_port
    if not port:
        return "off (DEJABUG_METRICS_PORT is not set)"
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    try:
        answer = requests.get(f"http://{here}:{port}/metrics", timeout=METRICS_TIMEOUT)
    except requests.RequestException:
        return f"on {host}:{port}, but no process on this machine serves them now"
    if "dejabug_build_info" not in answer.text:
        raise UnwellError(
            f"another program answers on {host}:{port}",
            f"Set DEJABUG_METRICS_PORT to a free port, e.g. DEJABUG_METRICS_PORT={port + 1}",
        )
    return f"on {host}:{port}"

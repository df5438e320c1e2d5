"""All Prometheus metrics; docs/reference/monitoring.md is generated from them.

Each process counts its own work and serves its metrics on its own address. `web/gauges.py` counts
what is in Redis. Labels have few values, all known in advance. They are never ids, names or texts,
to keep Prometheus small and tickets private.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import requests
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.context_managers import Timer
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

log = structlog.get_logger()

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# Histogram buckets in seconds, where someone waits: milliseconds for a webhook, seconds for a
# search.
WAITED_FOR = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Where nobody waits: from a thumbnail to the 30 minutes that a clip's job may take.
WORK = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
# Seconds between attempts to open the port, while the previous process still has it.
RETRY = 2.0


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"dejabug_{name}", about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"dejabug_{name}", about, labels, buckets=bounds, registry=REGISTRY)


WEBHOOKS = _counter(
    "webhooks",
    "Webhooks from Jira. kind: created, updated, deleted, comment, ignored, none (not understood). "
    "outcome: remembered, known_already (sent again), ignored, refused (wrong signature), "
    "not_understood, not_remembered (Redis unavailable).",
    *("kind", "outcome"),
)
WEBHOOK_SECONDS = _histogram("webhook_duration_seconds", "Time to answer a webhook.", WAITED_FOR)
JOBS = _counter(
    "jobs",
    "Jobs that ended. job: the function's name. outcome: done, retried (queued again, now or for "
    "later), failed (no more retries).",
    *("job", "outcome"),
)
JOB_SECONDS = _histogram(
    "job_duration_seconds", "Duration of a job, failed ones included.", WORK, "job"
)
JOB_WAIT_SECONDS = _histogram(
    "job_wait_seconds",
    "Time from queueing a job to its start; pauses before a retry do not count.",
    WORK,
    "queue",
)
STAGE_SECONDS = _histogram(
    "stage_duration_seconds",
    "Duration of one stage of the work. stage: download, probe (part of sample and preview), "
    "sample, embed, write (to the index), pictures (thumbnails), rank, comment (Jira's response "
    "time included), preview.",
    WORK,
    "stage",
)
DOWNLOADED = _counter("downloaded_bytes", "Bytes of attachments downloaded from Jira.")
CLIPS_DONE = _counter(
    "clips_processed",
    "Processed clips. outcome: indexed, failed. reason: the failure's code, empty for indexed "
    "clips.",
    *("outcome", "reason"),
)
SUGGESTIONS = _counter(
    "suggestions_shown",
    "Tickets shown as similar. where: comment (each time one is written or edited), panel (at most "
    "once per viewer and issue in five minutes), api, slack.",
    "where",
)
VERDICTS = _counter(
    "feedback",
    "Verdicts on pairs of issues. verdict: accepted, rejected. by: panel, api (and the search "
    "page), command (in a comment), person (dejabug verdict), link (a duplicate link in Jira, "
    "suggested or not).",
    *("verdict", "by"),
)
COMMENTS = _counter(
    "comments",
    "Déjà Bug's comments. what: written, edited, withdrawn, deleted (by a person, so no new one is "
    "written).",
    "what",
)
SEARCH_SECONDS = _histogram(
    "search_duration_seconds",
    "Time to answer a search. door: words (text search in API, page or Slack), issue (search by "
    "issue there), panel, clip (a worker's time for an uploaded clip).",
    WAITED_FOR,
    "door",
)
QUESTION_SECONDS = _histogram(
    "query_duration_seconds",
    "A worker's time to answer a text search, embedding included.",
    WAITED_FOR,
)
JIRA_REQUESTS = _counter(
    "jira_requests",
    "Jira's responses. status: 2xx, 3xx, 4xx, 429 (rate limit), 5xx, none (no connection).",
    "status",
)
JIRA_SECONDS = _histogram(
    "jira_request_duration_seconds", "Time until Jira's response begins.", (*WAITED_FOR, 30, 60)
)
JIRA_PAUSES = _counter("jira_pause_seconds", "Seconds of pause that Jira requested (rate limit).")
STORE_SECONDS = _histogram(
    "media_store_request_duration_seconds",
    "Duration of a request to DEJABUG_MEDIA_STORE, failed ones included. operation: put, get, "
    "delete.",
    WAITED_FOR,
    "operation",
)
STORE_FAILURES = _counter(
    "media_store_failures",
    "Requests that DEJABUG_MEDIA_STORE did not answer or rejected. operation: put, get, delete.",
    "operation",
)
RATE_REFUSALS = _counter(
    "rate_limited_requests",
    "Requests rejected by the rate limit. door: api, slack.",
    "door",
)
ANSWERS = _counter(
    "http_responses",
    "Responses of the web process. part: webhooks, health, api, pages, panel, media, slack, none. "
    "status: 2xx, 3xx, 4xx, 5xx.",
    *("part", "status"),
)
SLACK = _counter("slack_requests", "Requests from Slack. what: command, next, share, clip.", "what")

# To Prometheus, a counter that first appears at 1 has never increased. So the counters used in
# alerts start at 0.
WEBHOOKS.labels("none", "refused")
for _status in ("2xx", "3xx", "4xx", "429", "5xx", "none"):
    JIRA_REQUESTS.labels(_status)
for _operation in ("put", "get", "delete"):
    STORE_FAILURES.labels(_operation)


# Names of earlier versions → current names, both without `dejabug_`. For one release, both are
# served, so that alerts and dashboards can be changed later.
OLD_NAMES = {
    "clips_done": "clips_processed",
    "http_answers": "http_responses",
    "jira_request_seconds": "jira_request_duration_seconds",
    "job_seconds": "job_duration_seconds",
    "media_store_seconds": "media_store_request_duration_seconds",
    "promises": "outbox_issues",
    "promises_oldest_seconds": "outbox_oldest_seconds",
    "question_seconds": "query_duration_seconds",
    "questions": "pending_queries",
    "questions_oldest_seconds": "pending_queries_oldest_seconds",
    "rate_refusals": "rate_limited_requests",
    "search_seconds": "search_duration_seconds",
    "stage_seconds": "stage_duration_seconds",
    "verdicts": "feedback",
    "webhook_seconds": "webhook_duration_seconds",
    "words_waiting": "tickets_waiting",
}


class WithOldNames(Collector):
    """All metrics of a registry, and renamed ones again under their old names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def describe(self) -> list[Metric]:
        """Nothing: registering must not collect the metrics."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics with their current values."""
        old_of = {f"dejabug_{new}": f"dejabug_{old}" for old, new in OLD_NAMES.items()}
        for metric in self._registry.collect():
            yield metric
            old = old_of.get(metric.name)
            if old is not None:
                copy = Metric(
                    old, f"Old name of {metric.name}; removed in the next release.", metric.type
                )
                copy.samples = [
                    each._replace(name=each.name.replace(metric.name, old, 1))
                    for each in metric.samples
                ]
                yield copy


EXPOSED = CollectorRegistry()
EXPOSED.register(WithOldNames(REGISTRY))


class _Build(Collector):
    """The version of this process, as a Prometheus info metric: a constant 1 with labels."""

    def collect(self) -> list[InfoMetricFamily]:
        about = "Version of Déjà Bug in this process."
        return [InfoMetricFamily("dejabug_build", about, {"version": version("dejabug")})]


REGISTRY.register(_Build())


def stage(name: str) -> Timer:
    """Time a stage of the work, as a context manager or a decorator."""
    return STAGE_SECONDS.labels(name).time()


def searching(door: str) -> Timer:
    """Time a search, as a context manager or a decorator."""
    return SEARCH_SECONDS.labels(door).time()


def status_class(status: int) -> str:
    """An HTTP status as a label: `2xx`."""
    return f"{status // 100}xx"


def jira_answered(answer: requests.Response, *_: Any, **__: Any) -> None:
    """For the `response` hook of `requests`: count a response from Jira, redirects included."""
    status = answer.status_code
    JIRA_REQUESTS.labels("429" if status == 429 else status_class(status)).inc()
    JIRA_SECONDS.observe(answer.elapsed.total_seconds())


def serve_metrics(host: str, port: int) -> threading.Thread | None:
    """Serve this process's metrics at `http://host:port/metrics` from a thread; None for port 0.

    A restarted process may start before the previous one has released the port, and a failure of
    the metrics must not stop the service. So this retries until the port is free, and logs the
    first failure.
    """
    if not port:
        return None
    thread = threading.Thread(target=_serve, args=(host, port), name="metrics", daemon=True)
    thread.start()
    return thread


def _serve(host: str, port: int) -> None:
    told = False
    while True:
        try:
            start_http_server(port, host, EXPOSED)
        except OSError as error:
            if not told:
                told = True
                log.warning("metrics_not_served", host=host, port=port, why=str(error))
            time.sleep(RETRY)
        else:
            log.info("metrics_served", host=host, port=port)
            return

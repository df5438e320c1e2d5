"""What is counted and timed for Prometheus, in one place; docs/reference/monitoring.md is made from it.

Each process counts what it does itself and offers that on an address of its own. What stands in
Redis is counted by `web/gauges.py` alone. Labels have few values, known beforehand: no
ids, names or texts, so that neither Prometheus drowns nor anybody reads of a ticket here.
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

# Bounds in seconds. Somebody waits: a webhook has milliseconds, a search a second or so.
WAITED_FOR = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Nobody waits: from a picture to the half hour that a clip's job may take.
WORK = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
# Seconds between tries to get the address, while a predecessor of this process still has it.
RETRY = 2.0


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"dejabug_{name}", about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"dejabug_{name}", about, labels, buckets=bounds, registry=REGISTRY)


WEBHOOKS = _counter(
    "webhooks",
    "Webhooks of Jira. kind: created, updated, deleted, comment, ignored, none (not understood). "
    "outcome: remembered, known_already (a repeat), ignored, refused (signature), not_understood, "
    "not_remembered (Redis away).",
    *("kind", "outcome"),
)
WEBHOOK_SECONDS = _histogram("webhook_duration_seconds", "Time to answer a webhook.", WAITED_FOR)
JOBS = _counter(
    "jobs",
    "Jobs that ended. job: the function's name. outcome: done, retried (queued again, perhaps for "
    "later), failed (given up).",
    *("job", "outcome"),
)
JOB_SECONDS = _histogram("job_duration_seconds", "Time in a job, however it ended.", WORK, "job")
JOB_WAIT_SECONDS = _histogram(
    "job_wait_seconds",
    "Time from a job's being queued to its start; a pause before a retry does not count.",
    WORK,
    "queue",
)
STAGE_SECONDS = _histogram(
    "stage_duration_seconds",
    "Time in one stage of the work. stage: download, probe (a part of sample and preview), sample, "
    "embed, write (to the index), pictures, rank, comment (Jira's answers included), preview.",
    WORK,
    "stage",
)
DOWNLOADED = _counter("downloaded_bytes", "Bytes of attachments downloaded from Jira.")
CLIPS_DONE = _counter(
    "clips_processed",
    "Clips that were worked on. outcome: indexed, failed. reason: the failure's code, empty when "
    "indexed.",
    *("outcome", "reason"),
)
SUGGESTIONS = _counter(
    "suggestions_shown",
    "Tickets shown as similar. where: comment (each time one is written or edited), panel (once a "
    "viewer and issue in five minutes, since a panel asks again while it waits), api, slack.",
    "where",
)
VERDICTS = _counter(
    "feedback",
    "What was said of pairs of issues. verdict: accepted, rejected. by: panel, api (and "
    "the search page), command (in a comment), person (dejabug verdict), link (a duplicate link in Jira, suggested or not).",
    *("verdict", "by"),
)
COMMENTS = _counter(
    "comments",
    "Our comments. what: written, edited, withdrawn, deleted (by a person: none is written again).",
    "what",
)
SEARCH_SECONDS = _histogram(
    "search_duration_seconds",
    "Time to answer a search. door: words (API, page, Slack), issue (the same), panel; clip: a "
    "worker's time for an uploaded one.",
    WAITED_FOR,
    "door",
)
QUESTION_SECONDS = _histogram(
    "query_duration_seconds", "A worker's time to answer words, embedding included.", WAITED_FOR
)
JIRA_REQUESTS = _counter(
    "jira_requests",
    "Answers of Jira. status: 2xx, 3xx, 4xx, 429 (a pause is wanted), 5xx, none (not reached).",
    "status",
)
JIRA_SECONDS = _histogram(
    "jira_request_duration_seconds", "Time until Jira's answer begins.", (*WAITED_FOR, 30, 60)
)
JIRA_PAUSES = _counter("jira_pause_seconds", "Seconds of pause that Jira asked jobs for.")
STORE_SECONDS = _histogram(
    "media_store_request_duration_seconds",
    "Time of a request to DEJABUG_MEDIA_STORE, however it ended. operation: put, get, delete.",
    WAITED_FOR,
    "operation",
)
STORE_FAILURES = _counter(
    "media_store_failures",
    "Requests that DEJABUG_MEDIA_STORE did not answer, or refused. operation: put, get, delete.",
    "operation",
)
RATE_REFUSALS = _counter(
    "rate_limited_requests",
    "Requests refused because somebody asks too often. door: api, slack.",
    "door",
)
ANSWERS = _counter(
    "http_responses",
    "Answers of the web process. part: webhooks, health, api, pages, panel, media, slack, none. "
    "status: 2xx, 3xx, 4xx, 5xx.",
    *("part", "status"),
)
SLACK = _counter("slack_requests", "Requests from Slack. what: command, next, share, clip.", "what")

# A counter that first appears at 1 has never risen, as Prometheus sees it: those that alarms look
# at begin at 0.
WEBHOOKS.labels("none", "refused")
for _status in ("2xx", "3xx", "4xx", "429", "5xx", "none"):
    JIRA_REQUESTS.labels(_status)
for _operation in ("put", "get", "delete"):
    STORE_FAILURES.labels(_operation)


# Names of earlier versions → names of today, both without `dejabug_`. For one release a process
# tells both, so that alarms and dashboards can be changed at leisure.
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
    """All metrics of a registry; renamed ones a second time, under their old names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def describe(self) -> list[Metric]:
        """Nothing beforehand: being registered must not count anything."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric as of now."""
        old_of = {f"dejabug_{new}": f"dejabug_{old}" for old, new in OLD_NAMES.items()}
        for metric in self._registry.collect():
            yield metric
            old = old_of.get(metric.name)
            if old is not None:
                copy = Metric(
                    old, f"Old name of {metric.name}, until the next release.", metric.type
                )
                copy.samples = [
                    each._replace(name=each.name.replace(metric.name, old, 1))
                    for each in metric.samples
                ]
                yield copy


EXPOSED = CollectorRegistry()
EXPOSED.register(WithOldNames(REGISTRY))


class _Build(Collector):
    """The version of this process, as Prometheus' info metrics are: a constant 1 with labels."""

    def collect(self) -> list[InfoMetricFamily]:
        about = "Version of Déjà Bug in this process."
        return [InfoMetricFamily("dejabug_build", about, {"version": version("dejabug")})]


REGISTRY.register(_Build())


def stage(name: str) -> Timer:
    """Times a stage of the work, as a context manager or a decorator."""
    return STAGE_SECONDS.labels(name).time()


def searching(door: str) -> Timer:
    """Times a search, as a context manager or a decorator."""
    return SEARCH_SECONDS.labels(door).time()


def status_class(status: int) -> str:
    """A status of HTTP as a label: `2xx`."""
    return f"{status // 100}xx"


def jira_answered(answer: requests.Response, *_: Any, **__: Any) -> None:
    """For `requests`' hook `response`: count an answer of Jira's, redirects included."""
    status = answer.status_code
    JIRA_REQUESTS.labels("429" if status == 429 else status_class(status)).inc()
    JIRA_SECONDS.observe(answer.elapsed.total_seconds())


def serve_metrics(host: str, port: int) -> threading.Thread | None:
    """Offer this process's metrics at `http://host:port/metrics`, from a thread; None for port 0.

    A process that is started again may come before its predecessor has let the address go; and what
    watches must not end what is watched. So the address is tried for again and again, and the first
    failure is told.
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

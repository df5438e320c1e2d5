"""Metrics as Prometheus reads them, and what is generated from them: dashboard, alerts, docs."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import requests
import yaml
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dejabug.infra.logs import configure_logs
from dejabug.infra.metrics import OLD_NAMES, WithOldNames, serve_metrics
from dejabug.infra.redis_server import free_port
from dejabug.jira.webhook_events import sign
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.web.gauges import Gauges
from support.forks import Fork
from support.jira_site import Site
from support.repository import ROOT
from support.waiting import answers, wait_until
from support.webhooks import SECRET
from tools.watch.dashboard import dashboard, queries
from tools.watch.table import BEGIN, END, families, table

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
# What Grafana puts into a query, for the parser.
VARIABLES = {"$__rate_interval": "5m"}
# Metrics of Prometheus' own client for Python.
CLIENT = {"process_cpu_seconds_total", "process_resident_memory_bytes"}


def alerts() -> list[dict[str, Any]]:
    """The alert rules."""
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return list(group["rules"])


def scraped(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a process, by name and labels."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names_of(services: Services) -> set[str]:
    """Every name that a query may ask for."""
    services.settings.data_dir.mkdir()  # else there is no disk to report
    found = set(CLIENT)
    for family in (each for some in families(services.settings) for each in some):
        ends = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count"),
            "info": ("_info",),
        }.get(family.type, ("",))
        found |= {family.name + end for end in ends}
    return found


def asked_for(query: str) -> set[str]:
    """The metrics that a query names; raises ValueError for one that Prometheus cannot read."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    found: set[str] = set()
    waiting = [promql_parser.parse(query)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name)
        for part in ("expr", "lhs", "rhs", "vector_selector", "vs", "args"):
            inner = getattr(node, part, None)
            waiting += inner if isinstance(inner, list) else [inner] if inner is not None else []
    return found


def test_each_query_of_dashboard_and_alerts_can_be_read_and_asks_for_metrics_that_are(
    services: Services,
) -> None:
    names = names_of(services)
    written = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text("utf-8"))
    shown = [target["expr"] for panel in written["panels"] for target in panel.get("targets") or ()]
    assert shown == queries()
    for query in [*shown, *(rule["expr"] for rule in alerts())]:
        asked = asked_for(query)
        assert asked, query
        assert asked <= names, (query, asked - names)


def test_every_metric_is_looked_at_by_a_graph_or_an_alarm(services: Services) -> None:
    used = {name for query in queries() for name in asked_for(query)}
    used |= {name for rule in alerts() for name in asked_for(rule["expr"])}
    roots = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names_of(services)}
    assert ours - roots == set()


def test_the_dashboard_and_the_table_are_as_they_are_made(services: Services) -> None:
    again = "make it again: python -m tools.watch"
    assert (ROOT / "deploy/grafana/dashboard.json").read_text("utf-8") == dashboard(), again
    services.settings.data_dir.mkdir()  # else there is no disk to report
    page = (ROOT / "docs/reference/monitoring.md").read_text("utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == table(services.settings), again


def test_every_alarm_says_what_to_do() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs/how-to/alarms.md").read_text("utf-8"), re.M)
    assert headings == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        told = rule["annotations"]
        assert told["summary"]
        assert f"docs/how-to/alarms.md#{rule['alert'].lower()}" in told["description"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_log_events_of_the_docs_are_those_of_the_code() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "service/dejabug").rglob("*.py"))
    logged = set(re.findall(r'(?:log\.\w+|tell)\(\s*"(\w+)"', code))
    page = (ROOT / "docs/reference/monitoring.md").read_text("utf-8")
    table_of_events = page.partition("| event | level | when |")[2].partition("\n## ")[0]
    for row in table_of_events.strip().splitlines()[1:]:
        for event in re.findall(r"`(\w+)`", row.split("|")[1]):
            assert event in logged, event


def test_the_census_while_redis_is_away_says_just_that(cold_services: Services) -> None:
    away = cold_services.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    found = {family.name: family.samples for family in Gauges(away).collect()}
    assert not [name for name in found if "disk" not in name and name != "dejabug_redis_up"]
    (up,) = found["dejabug_redis_up"]
    assert up.value == 0


def test_an_address_that_is_taken_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        thread = serve_metrics("127.0.0.1", port)
        wait_until(lambda: "metrics_not_served" in capsys.readouterr().err)
    assert thread is not None
    thread.join(20)
    assert ("dejabug_build_info", (("version", "0.2.0"),)) in scraped(port)


@pytest.fixture
def processes(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, int]]:
    """The real web process and a worker on all queues; their ports: of the web, of both metrics."""
    ports = {name: free_port() for name in ("http", "web", "worker")}
    Path(environment["DEJABUG_DATA_DIR"]).mkdir()
    variables = {**os.environ, **environment, "DEJABUG_RECONCILE_MINUTES": "0"}
    commands = {"web": ["serve", "--port", str(ports["http"])], "worker": ["worker"]}
    running = [
        Fork(
            command,
            {**variables, "DEJABUG_METRICS_PORT": str(ports[name])},
            tmp_path / f"{name}.log",
            remembers=False,  # what is measured must be done
        )
        for name, command in commands.items()
    ]
    yield ports
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)


def test_prometheus_gets_a_ticket_s_way_from_web_and_worker(
    processes: dict[str, int], cold_services: Services, jira: Site, clips: Path
) -> None:
    url = f"http://127.0.0.1:{processes['http']}"
    wait_until(lambda: answers(f"{url}/healthz"))
    # From 0 on, or an alarm would not see it rise.
    refused = (("kind", "none"), ("outcome", "refused"))
    assert scraped(processes["web"])["dejabug_webhooks_total", refused] == 0
    key = jira.file("GAME", "unreleased cows", clips / "crafter-01.mov")
    issue = {"id": jira.issue(key)["id"], "key": key}
    event = {"webhookEvent": "jira:issue_created", "user": {"accountId": "tester"}, "issue": issue}
    body = json.dumps(event).encode()
    for signature in (sign(SECRET, body), "sha256=00"):
        requests.post(
            f"{url}/webhooks/jira", body, headers={"X-Hub-Signature": signature}, timeout=20
        )
    wait_until(lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1)
    wait_until(lambda: not cold_services.queues.get("default").count)
    web, worker = scraped(processes["web"]), scraped(processes["worker"])
    assert web["dejabug_webhooks_total", (("kind", "created"), ("outcome", "remembered"))] == 1
    assert web["dejabug_webhooks_total", refused] == 1
    assert web["dejabug_webhook_duration_seconds_count", ()] == 2
    assert web["dejabug_redis_up", ()] == 1
    assert web["dejabug_clips", (("status", "indexed"),)] == 1
    assert web["dejabug_workers", (("queue", "clips"),)] == 1
    assert web["dejabug_index_frames", ()] > 0
    assert web["dejabug_index_bytes", ()] > 0
    assert web["dejabug_outbox_issues", ()] == 0
    for stage in ("download", "probe", "sample", "embed", "write", "pictures"):
        assert worker["dejabug_stage_duration_seconds_count", (("stage", stage),)] >= 1, stage
    done = (("job", "sync_issue"), ("outcome", "done"))
    assert worker["dejabug_jobs_total", done] == 1
    size = (clips / "crafter-01.mov").stat().st_size
    assert worker["dejabug_downloaded_bytes_total", ()] == size
    assert worker["dejabug_jira_requests_total", (("status", "2xx"),)] >= 3
    assert not [name for name, _ in worker if name == "dejabug_redis_up"]
    # Not for the world: the service's own address has none.
    assert requests.get(f"{url}/metrics", timeout=20).status_code == 404
    told = str(web) + str(worker)
    assert "unreleased" not in told
    assert key not in told


def test_a_renamed_metric_is_told_under_its_old_name_too() -> None:
    """For one release, so that a dashboard of an earlier version goes on."""
    registry = CollectorRegistry()
    Counter("dejabug_feedback", "What was said.", ["by"], registry=registry).labels("panel").inc(3)
    Histogram("dejabug_job_duration_seconds", "Time.", registry=registry).observe(2)
    both = CollectorRegistry()
    both.register(WithOldNames(registry))
    assert both.get_sample_value("dejabug_verdicts_total", {"by": "panel"}) == 3
    assert both.get_sample_value("dejabug_feedback_total", {"by": "panel"}) == 3
    assert both.get_sample_value("dejabug_job_seconds_sum") == 2
    text = generate_latest(both).decode()
    assert "# HELP dejabug_job_seconds Old name of dejabug_job_duration_seconds" in text


def test_every_new_name_is_one_that_is_told(services: Services) -> None:
    told = {family.name for some in families(services.settings) for family in some}
    assert {f"dejabug_{new}" for new in OLD_NAMES.values()} <= told
    assert not {f"dejabug_{old}" for old in OLD_NAMES} & told

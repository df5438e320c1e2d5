"""The Grafana dashboard, built with Grafana's own types, so that its format is correct."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

# Grafana's grid is 24 wide: eight numbers or three graphs in a row.
STAT_WIDTH, GRAPH_WIDTH = 3, 8
STAT_HEIGHT, GRAPH_HEIGHT = 4, 8
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")


@dataclass(frozen=True)
class Graph:
    """One panel: its queries, with the name of each line; `number`: only the current value."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    number: bool = False


def number(title: str, unit: str, query: str, name: str = "") -> Graph:
    """A panel with one number."""
    return Graph(title, unit, ((query, name),), number=True)


def graph(title: str, unit: str, *queries: tuple[str, str]) -> Graph:
    """A panel with lines."""
    return Graph(title, unit, queries)


def slow(metric: str, by: str = "", quantile: float = 0.95) -> str:
    """The query for a histogram's quantile over the last minutes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"


def rate(metric: str, by: str, unit: int = 60) -> str:
    """The query for a counter's increase per `unit` seconds."""
    return f"{unit} * sum by ({by}) (rate({metric}[$__rate_interval]))"


ROWS: dict[str, tuple[Graph, ...]] = {
    "At a glance": (
        number("Redis", "bool_on_off", "max(dejabug_redis_up)"),
        number("Index complete", "bool_yes_no", "max(dejabug_index_ready)"),
        number("Oldest unread issue", "s", "max(dejabug_outbox_oldest_seconds)"),
        number("Clips indexed", "short", 'max(dejabug_clips{status="indexed"})'),
        number("Clips failed", "short", 'max(dejabug_clips{status="failed"})'),
        number("Jobs failed", "short", "sum(max by (queue) (dejabug_queue_failed))"),
        number("Model", "short", "max by (label) (dejabug_encoder_info)", "{{label}}"),
        number("Version", "short", "count by (version) (dejabug_build_info)", "{{version}}"),
    ),
    "Tickets": (
        graph("Webhooks per minute", "short", (rate("dejabug_webhooks_total", "outcome"), "{{outcome}}")),
        graph("Webhook response time (95 %)", "s", (slow("dejabug_webhook_duration_seconds"), "webhook")),
        graph(
            "Issues waiting", "short",
            ("max(dejabug_outbox_issues)", "to be read"), ("max(dejabug_tickets_waiting)", "to be embedded"),
        ),
        graph("Comments per hour", "short", (rate("dejabug_comments_total", "what", 3600), "{{what}}")),
        graph(
            "Suggestions shown per hour", "short",
            (rate("dejabug_suggestions_shown_total", "where", 3600), "{{where}}"),
        ),
        graph(
            "User feedback per day", "short",
            (
                'sum by (verdict, by) (increase(dejabug_feedback_total{by!="link"}[1d]))',
                "{{verdict}} by {{by}}",
            ),
        ),
    ),
    "Queues": (
        graph("Jobs waiting", "short", ("max by (queue) (dejabug_queue_jobs)", "{{queue}}")),
        graph(
            "Age of the oldest job", "s",
            ("max by (queue) (dejabug_queue_oldest_seconds)", "{{queue}}"),
            ("max(dejabug_pending_queries_oldest_seconds)", "searches"),
        ),
        graph(
            "Searches waiting", "short",
            ("max(dejabug_pending_queries)", "searches"),
        ),
        graph("Jobs per minute", "short", (rate("dejabug_jobs_total", "job, outcome"), "{{job}} {{outcome}}")),
        graph("Job duration (95 %)", "s", (slow("dejabug_job_duration_seconds", "job"), "{{job}}")),
        graph("Wait time (95 %)", "s", (slow("dejabug_job_wait_seconds", "queue"), "{{queue}}")),
        graph("Retries waiting", "short", ("max by (queue) (dejabug_queue_retries)", "{{queue}}")),
        graph("Workers", "short", ("max by (queue) (dejabug_workers)", "{{queue}}")),
    ),
    "Clips": (
        graph("Duration by stage (95 %)", "s", (slow("dejabug_stage_duration_seconds", "stage"), "{{stage}}")),
        graph(
            "Share of time by stage", "percentunit",
            ("sum by (stage) (rate(dejabug_stage_duration_seconds_sum[$__rate_interval]))", "{{stage}}"),
        ),
        graph("Clips per minute", "short", (rate("dejabug_clips_processed_total", "outcome"), "{{outcome}}")),
        graph(
            "Clip failures per day, by reason", "short",
            (
                'sum by (reason) (increase(dejabug_clips_processed_total{outcome="failed"}[1d]))',
                "{{reason}}",
            ),
        ),
        graph("Clips by status", "short", ("max by (status) (dejabug_clips)", "{{status}}")),
        graph(
            "Downloaded", "Bps",
            ("sum(rate(dejabug_downloaded_bytes_total[$__rate_interval]))", "from Jira"),
        ),
    ),
    "Search": (
        graph("Response time (95 %)", "s", (slow("dejabug_search_duration_seconds", "door"), "{{door}}")),
        graph("Response time (median)", "s", (slow("dejabug_search_duration_seconds", "door", 0.5), "{{door}}")),
        graph("Worker time for text searches (95 %)", "s", (slow("dejabug_query_duration_seconds"), "words")),
        graph(
            "Searches per minute", "short",
            (rate("dejabug_search_duration_seconds_count", "door"), "{{door}}"),
        ),
        graph(
            "Error responses per minute", "short",
            (
                "60 * sum by (part, status) (rate("
                'dejabug_http_responses_total{status=~"4xx|5xx"}[$__rate_interval]))',
                "{{part}} {{status}}",
            ),
        ),
        graph(
            "Rate-limited and Slack requests per minute", "short",
            (rate("dejabug_rate_limited_requests_total", "door"), "rate-limited: {{door}}"),
            (rate("dejabug_slack_requests_total", "what"), "Slack: {{what}}"),
        ),
    ),
    "Index": (
        graph(
            "Frames", "short",
            ("max(dejabug_index_frames)", "frames"),
            ("max(dejabug_index_clips)", "clips"),
            ("max(dejabug_issues)", "issues"),
        ),
        graph(
            "Memory", "bytes",
            ("max by (holds) (dejabug_redis_memory_bytes)", "Redis: {{holds}}"),
            ("max(dejabug_index_bytes)", "vectors"),
            ("max by (holds) (dejabug_redis_memory_limit_bytes) > 0", "limit: {{holds}}"),
        ),
        graph(
            "Index type and failures", "short",
            ("max by (algorithm) (dejabug_index_info)", "{{algorithm}}"),
            ("max(dejabug_index_failures)", "frames not indexed"),
        ),
    ),
    "Jira": (
        graph("Requests per minute", "short", (rate("dejabug_jira_requests_total", "status"), "{{status}}")),
        graph("Response time (95 %)", "s", (slow("dejabug_jira_request_duration_seconds"), "Jira")),
        graph(
            "Rate-limit pauses per hour", "s",
            ("sum(increase(dejabug_jira_pause_seconds_total[1h]))", "pause"),
        ),
    ),
    "Machines": (
        graph(
            "CPU", "percentunit",
            (
                'rate(process_cpu_seconds_total{job=~"dejabug.*"}[$__rate_interval])',
                "{{job}} {{instance}}",
            ),
        ),
        graph(
            "Memory", "bytes",
            ('process_resident_memory_bytes{job=~"dejabug.*"}', "{{job}} {{instance}}"),
        ),
        graph(
            "Disk space of the data folder", "bytes",
            ("min(dejabug_data_disk_free_bytes)", "free"),
            ("min(dejabug_data_disk_bytes)", "total"),
        ),
        graph("Media store request duration (95 %)", "s", (slow("dejabug_media_store_request_duration_seconds", "operation"), "{{operation}}")),
    ),
}  # fmt: skip


def dashboard() -> str:
    """The dashboard as JSON, to be imported into Grafana 10.1 or newer."""
    source = DatasourceVariable("source").label("Prometheus").type("prometheus")
    board = (
        Dashboard("Déjà Bug")
        .uid("dejabug")
        .tags(["dejabug"])
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(source)
    )
    ids = count(1)
    for title, graphs in ROWS.items():
        board = board.with_row(Row(title).id(next(ids)))
        for each in graphs:
            board = board.with_panel(_panel(each).id(next(ids)))
    written = json.dumps(board.build(), cls=JSONEncoder, indent=1, ensure_ascii=False)
    return written + "\n"


def queries() -> list[str]:
    """Every query of the dashboard."""
    return [query for graphs in ROWS.values() for each in graphs for query, _ in each.queries]


def _panel(each: Graph) -> stat.Panel | timeseries.Panel:
    if each.number:
        panel: stat.Panel | timeseries.Panel = stat.Panel().height(STAT_HEIGHT).span(STAT_WIDTH)
        named = bool(each.queries[0][1])
        panel = panel.text_mode(BigValueTextMode.NAME if named else BigValueTextMode.AUTO)
    else:
        legend = (
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        panel = (
            timeseries.Panel()
            .height(GRAPH_HEIGHT)
            .span(GRAPH_WIDTH)
            .min(0)
            .fill_opacity(10)
            .show_points(VisibilityMode.NEVER)
            .legend(legend)
            .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        )
    panel = panel.title(each.title).unit(each.unit).datasource(SOURCE)
    for place, (query, name) in enumerate(each.queries):
        asked = Dataquery().expr(query).ref_id("ABCDEF"[place]).legend_format(name or "__auto")
        panel = panel.with_target(asked.instant() if each.number else asked.range())
    return panel

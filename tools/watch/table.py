"""The table of all metrics, for docs/reference/monitoring.md."""

from __future__ import annotations

from prometheus_client import Metric

from dejabug.infra.metrics import REGISTRY
from dejabug.settings import Settings
from dejabug.web.gauges import Gauges

BEGIN, END = "<!-- made by python -m tools.watch -->", "<!-- end -->"
# What Prometheus appends to the names of each type.
ENDINGS = {"counter": "_total", "histogram": "_bucket", "info": "_info"}


def families(settings: Settings) -> tuple[list[Metric], list[Metric]]:
    """What each process counts itself, and what the web process reads from this Redis."""
    counted = [each for each in REGISTRY.collect() if each.name.startswith("dejabug_")]
    found = list(Gauges(settings).collect())
    names = {each.name for each in found}
    return [each for each in counted if each.name not in names], found


def table(settings: Settings) -> str:
    """Every metric of ours: its name, its kind, which process reports it, and what it means."""
    own, found = families(settings)
    lines = ["| metric | kind | reported by | meaning |", "| --- | --- | --- | --- |"]
    for where, some in (("each process", own), ("the web process", found)):
        for each in sorted(some, key=lambda family: family.name):
            name = each.name + ENDINGS.get(each.type, "")
            lines.append(f"| `{name}` | {each.type} | {where} | {each.documentation} |")
    return "\n".join(lines)

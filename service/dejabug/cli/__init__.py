"""The command line, `dejabug …`. Each command is a few calls."""

from __future__ import annotations

# Each module adds its commands; `common.ORDER` has their order in `dejabug --help`.
from dejabug.cli import demo, service, jira, backfill, projects, search, probe, evaluation  # isort: skip
from dejabug.cli import encoders, tokens, backup, purge, index  # isort: skip
from dejabug.cli.common import app

__all__ = [
    "app", "backfill", "backup", "demo", "encoders", "evaluation", "index", "jira", "probe",
    "projects", "purge", "search", "service", "tokens",
]  # fmt: skip

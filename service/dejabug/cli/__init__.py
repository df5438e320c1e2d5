"""`dejabug …`: the one way in for people. Each command is a few calls."""

from __future__ import annotations

# Each module adds its commands; their order here is that of `dejabug --help`.
from dejabug.cli import demo, service, jira, backlog, projects, asking, probe, quality  # isort: skip
from dejabug.cli import encoders, tokens, keeping, index  # isort: skip
from dejabug.cli.common import app

__all__ = [
    "app", "asking", "backlog", "demo", "encoders", "index", "jira", "keeping", "probe",
    "projects", "quality", "service", "tokens",
]  # fmt: skip

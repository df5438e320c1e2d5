"""The commands, run in the test's process."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from dejabug import cli

runner = CliRunner()


def call(*arguments: str) -> Any:
    """Call `dejabug` with these arguments; what it ended with and printed."""
    return runner.invoke(cli.app, list(arguments), terminal_width=120)


def words(text: str) -> str:
    """Text without line breaks and frames."""
    return " ".join(text.replace("│", " ").split())


# What `dejabug probe --json` says of a file.
PROBE_KEYS = {
    "duration", "width", "height", "times", "sampled_times", "truncated", "notes", "status",
    "reason",
}  # fmt: skip

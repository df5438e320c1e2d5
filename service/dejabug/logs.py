"""How log lines look: structured events with ids, as text for people or JSON for machines."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog


def configure_logs(style: Literal["text", "json"], *, quiet: bool = False) -> None:
    """Send this process's events to standard error, one line each; `quiet`: only what is wrong."""
    renderer: Any = structlog.processors.JSONRenderer()
    if style == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        # Looked up at each line: whoever replaces standard error gets what is said from then on.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )

"""The log format: structured events with ids, as text for people or JSON for machines.

Warnings and errors that libraries log with Python's logging get the same format.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

# Characters that would start a new line or control a terminal: C0, DEL, C1, Unicode line ends.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Seconds between log lines of one kind whose cause may occur every second.
AGAIN = 60.0


def one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Escape control characters in values, so that input from others can't add lines to the log
    (OWASP Logging Cheat Sheet, log injection)."""
    for name, value in event.items():
        if isinstance(value, str) and UNSEEN.search(value):
            event[name] = UNSEEN.sub(lambda sign: repr(sign[0])[1:-1], value)
    return event


class Seldom:
    """Limits repeated log lines to one per minute, even if their cause occurs every second for a
    whole weekend."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def due(self, what: str) -> bool:
        """Whether this line was not logged within the last minute. If so, it counts as logged."""
        now = time.monotonic()
        if now - self._told.get(what, -math.inf) < AGAIN:
            return False
        self._told[what] = now
        return True


def configure_logs(style: Literal["text", "json"], *, quiet: bool = False) -> None:
    """Log this process's events to standard error, one line each; `quiet`: warnings and errors
    only."""
    renderer: Any = structlog.processors.JSONRenderer()
    if style == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    common: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        one_line,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        # Looked up for each line, so that a replaced standard error gets the later lines.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    foreign = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Stderr)]:
        root.removeHandler(handler)
    handler = _Stderr()
    handler.setFormatter(foreign)
    handler.setLevel(logging.WARNING)
    root.addHandler(handler)


class _Stderr(logging.StreamHandler[Any]):
    """Writes each line to the current standard error."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

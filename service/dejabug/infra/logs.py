"""How log lines look: structured events with ids, as text for people or JSON for machines.

What libraries log by Python's own logging gets the same form, from warnings on.
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

# What would begin a line of its own, or speak to a terminal: C0, DEL, C1, and Unicode's line ends.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Seconds between two lines of one kind that may come every second.
AGAIN = 60.0


def one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Values in which control characters are written out: what others send us makes no lines of
    its own in our logs (OWASP Logging Cheat Sheet, log injection)."""
    for name, value in event.items():
        if isinstance(value, str) and UNSEEN.search(value):
            event[name] = UNSEEN.sub(lambda sign: repr(sign[0])[1:-1], value)
    return event


class Seldom:
    """Tells which lines are due: each is logged once a minute, though its cause may come every
    second for a whole weekend."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def due(self, what: str) -> bool:
        """Whether this was not told within the last minute; it is from now on."""
        now = time.monotonic()
        if now - self._told.get(what, -math.inf) < AGAIN:
            return False
        self._told[what] = now
        return True


def configure_logs(style: Literal["text", "json"], *, quiet: bool = False) -> None:
    """Send this process's events to standard error, one line each; `quiet`: only what is wrong."""
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
        # Looked up at each line: whoever replaces standard error gets what is said from then on.
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
    """Writes to whatever standard error is at each line."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

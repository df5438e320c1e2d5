"""A trace id for everything that one event causes: from a webhook to the comment, across processes.

The id is bound to the thread as `trace`, and every log line has it. Jobs carry it in their
metadata, not in their arguments: a job queued by a version without traces gets an id when it runs.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

# The name of the id in a job's metadata and in log lines.
TRACE = "trace"


def new_trace() -> str:
    """A new random id of 16 hexadecimal characters: short, and practically unique."""
    return secrets.token_hex(8)


def current_trace() -> str:
    """The id of the current thread, or an empty string."""
    return str(get_contextvars().get(TRACE, ""))


def begin_trace(trace: str = "") -> str:
    """Bind an id, or a new one, until the next is bound; for threads that handle one event after
    another."""
    bind_contextvars(**{TRACE: trace or new_trace()})
    return current_trace()


@contextlib.contextmanager
def traced(trace: str = "", **more: Any) -> Iterator[str]:
    """Run a block with an id, or a new one; `more` are further fields of its log lines."""
    with bound_contextvars(**{TRACE: trace or new_trace(), **more}):
        yield current_trace()


def trace_for_job() -> dict[str, Any]:
    """The metadata of a job that is queued now: it inherits the current id."""
    return {TRACE: current_trace() or new_trace()}


def trace_of_job(meta: Mapping[str, Any]) -> str:
    """The id that a job was queued with, or an empty string."""
    return str(meta.get(TRACE, ""))

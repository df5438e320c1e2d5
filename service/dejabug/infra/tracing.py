"""One id for all that follows from one cause: from a webhook to the comment, across processes.

The id is bound to the thread as `trace`, which every log line then carries. It travels in the meta
data of jobs, never in their arguments: a job that another version of us queued has none, and gets
one when it is run.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

# Where a job keeps it among its meta data, and log lines among their fields.
TRACE = "trace"


def new_trace() -> str:
    """An id of 16 hexadecimal characters: short enough to be read out, and never met twice."""
    return secrets.token_hex(8)


def current_trace() -> str:
    """The id of what this thread is doing, empty where nothing was begun."""
    return str(get_contextvars().get(TRACE, ""))


def begin_trace(trace: str = "") -> str:
    """Bind an id, or a new one, until the next is bound; for threads that serve one cause after
    another."""
    bind_contextvars(**{TRACE: trace or new_trace()})
    return current_trace()


@contextlib.contextmanager
def traced(trace: str = "", **more: Any) -> Iterator[str]:
    """Do something under an id, or a new one; `more` are further fields of its log lines."""
    with bound_contextvars(**{TRACE: trace or new_trace(), **more}):
        yield current_trace()


def trace_for_job() -> dict[str, Any]:
    """The meta data of a job that is queued now: it inherits the id of whoever queues it."""
    return {TRACE: current_trace() or new_trace()}


def trace_of_job(meta: Mapping[str, Any]) -> str:
    """The id that a job was queued with, empty where it has none."""
    return str(meta.get(TRACE, ""))

"""Runs around every request: sets the trace ID and counts the answer."""

from __future__ import annotations

import re

from flask import Flask, Response, g, request

from dejabug.infra.metrics import ANSWERS, status_class
from dejabug.infra.tracing import begin_trace, current_trace

# The header with which a caller of the API can set the trace ID; each answer has it.
REQUEST_ID = "X-Request-ID"
# Trace IDs that are accepted from a caller: they go into log lines.
AN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)


def watch(app: Flask) -> None:
    """Trace and count every request of the app."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    """Begin a trace. Callers of the API may set its ID. Jira's and Slack's request IDs are not
    signed, so they are not used."""
    given = request.headers.get(REQUEST_ID, "") if request.blueprint == "api" else ""
    g.trace = begin_trace(given if AN_ID.fullmatch(given) else "")


def _end(answer: Response) -> Response:
    answer.headers[REQUEST_ID] = g.get("trace") or current_trace()
    ANSWERS.labels(request.blueprint or "none", status_class(answer.status_code)).inc()
    return answer

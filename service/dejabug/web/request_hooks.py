"""What is done around every request: it gets a trace, and its answer is counted."""

from __future__ import annotations

import re

from flask import Flask, Response, g, request

from dejabug.infra.metrics import ANSWERS, status_class
from dejabug.infra.tracing import begin_trace, current_trace

# The header by which a caller of the API may name its request, and each answer names it.
REQUEST_ID = "X-Request-ID"
# Ids that are taken from a caller: they go into log lines, so nothing but an id.
AN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)


def watch(app: Flask) -> None:
    """Trace and count every request of the app."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    """Begin a trace. A program that calls the API may give one; Jira's and Slack's names of their
    requests lie outside what they sign, and are not taken."""
    given = request.headers.get(REQUEST_ID, "") if request.blueprint == "api" else ""
    g.trace = begin_trace(given if AN_ID.fullmatch(given) else "")


def _end(answer: Response) -> Response:
    answer.headers[REQUEST_ID] = g.get("trace") or current_trace()
    ANSWERS.labels(request.blueprint or "none", status_class(answer.status_code)).inc()
    return answer

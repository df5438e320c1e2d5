"""Errors for programs, as problem details (RFC 9457)."""

from __future__ import annotations

import json

from flask import Response

from dejabug.infra.tracing import current_trace

PROBLEM = "application/problem+json"


def problem(status: int, title: str, detail: str, *, kind: str = PROBLEM) -> Response:
    """An answer with an error, which must not be cached; `kind` is its content type.

    `title` is the same for every error of its kind. `detail` helps with this one, and reveals
    nothing that the caller may not know. `trace` is the request's trace ID in our log.
    """
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if trace := current_trace():
        body["trace"] = trace
    answer = Response(json.dumps(body), status, content_type=kind)
    answer.headers["Cache-Control"] = "no-store"
    return answer

"""Errors for programs: problem details (RFC 9457)."""

from __future__ import annotations

import json

from flask import Response


def problem(status: int, title: str, detail: str) -> Response:
    """An answer of `application/problem+json` that nobody keeps.

    `title` is the same for every problem of its kind; `detail` helps with this one, and tells
    nothing that the caller may not know.
    """
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    answer = Response(json.dumps(body), status, content_type="application/problem+json")
    answer.headers["Cache-Control"] = "no-store"
    return answer

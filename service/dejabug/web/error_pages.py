"""Answers for unknown addresses and internal errors: a page for browsers, problem details for
programs."""

from __future__ import annotations

import structlog
from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from dejabug.infra.tracing import current_trace
from dejabug.web.api.errors import PREFIX, http_error
from dejabug.web.pages.views import POLICY

log = structlog.get_logger()

# The title and text of the page, by status.
TOLD = {
    404: ("Page not found", "Check the address, or start from the search page."),
    500: (
        "Something went wrong",
        "Try again. If it happens again, send the trace ID to your administrator.",
    ),
}


def register(app: Flask) -> None:
    """Register the handlers with the app."""
    for status in (404, 405, 500):
        app.register_error_handler(status, _answer)


def _answer(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if request.path.startswith(f"{PREFIX}/"):
        return http_error(error)
    wanted = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if status not in TOLD or wanted != "text/html":
        return error
    title, about = TOLD[status]
    trace = current_trace() if isinstance(error, InternalServerError) else ""
    page = render_template("missing.html", title=title, about=about, trace=trace)
    answer = make_response(page, status)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer

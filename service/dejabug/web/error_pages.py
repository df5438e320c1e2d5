"""What is said of addresses that are none, and of our own errors: a page to browsers, a problem to
programs."""

from __future__ import annotations

import structlog
from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from dejabug.infra.tracing import current_trace
from dejabug.web.api.errors import PREFIX, http_error
from dejabug.web.pages.views import POLICY

log = structlog.get_logger()

# Statuses, and what a person is told of them.
TOLD = {
    404: ("There is no such page", "The address may be mistyped, or from an older version."),
    500: ("Something went wrong here", "It was logged. Try again, or tell who runs this service."),
}


def register(app: Flask) -> None:
    """Have this answer where no view does."""
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

"""Turns every error of the API into problem details (RFC 9457) that say what to change."""

from __future__ import annotations

import redis
import structlog
from flask import Blueprint, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.index import IndexUnavailableError
from dejabug.infra.metrics import RATE_REFUSALS
from dejabug.jira.errors import JiraError
from dejabug.media_store.objects import StoreAwayError
from dejabug.search.disclosure import ForeignProjectError, HiddenIssueError
from dejabug.search.questions import SearchFailedError
from dejabug.search.search import PAGES_KEPT, ExpiredPageError, NoSuchPageError
from dejabug.search.uploads import KEPT, TooManyUploadsError
from dejabug.web.api.auth import (
    ForeignOriginError,
    NoTokenError,
    NoVerdictsError,
    OnlyReadingError,
    TooManyError,
)
from dejabug.web.problems import problem

log = structlog.get_logger()

PREFIX = "/api/v1"


class BadRequestError(ValueError):
    """The request is wrong; the message says what to change."""


class NotHereError(Exception):
    """What the address names does not exist, or the caller has no access."""


class ExpiredJobError(Exception):
    """An upload's job that is no longer kept."""


def no_token(_error: NoTokenError) -> Response:
    """RFC 6750, 3."""
    detail = (
        "Missing, invalid or expired token. Send `Authorization: Bearer djb_…`; create a token "
        "with: dejabug token create"
    )
    answer = problem(401, "Unauthorized", detail)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="dejabug"'
    return answer


def foreign_origin(_error: ForeignOriginError) -> Response:
    """A session works from our own pages only."""
    detail = (
        "A session can make changes only from this service's own pages. In scripts, send a token."
    )
    return problem(403, "Forbidden", detail)


def only_reading(_error: OnlyReadingError) -> Response:
    """People who see public projects only can't change anything."""
    detail = "You have read-only access. To make changes, sign in with a Jira account or a token."
    return problem(403, "Forbidden", detail)


def no_verdicts(_error: NoVerdictsError) -> Response:
    """A token for reading."""
    detail = (
        "This token can't record verdicts. Make one that can with: dejabug token create --verdicts"
    )
    return problem(403, "Forbidden", detail)


def no_jira_account(error: NoJiraAccountError) -> Response:
    """A session of someone who may not see anything."""
    return problem(403, "Forbidden", str(error))


def too_many(error: TooManyError) -> Response:
    """RFC 6585, 4."""
    RATE_REFUSALS.labels("api").inc()
    answer = problem(429, "Too Many Requests", f"{error}.")
    answer.headers["Retry-After"] = str(error.wait)
    return answer


def wrong_parameters(error: ValidationError) -> Response:
    """Everything that is wrong with the parameters, by name."""
    wrong = "; ".join(
        f"`{'.'.join(str(part) for part in each['loc'])}`: {each['msg']}"
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    )
    return problem(400, "Bad Request", f"{wrong}. See {PREFIX}/docs.")


def bad_request(error: BadRequestError) -> Response:
    """What to change."""
    return problem(400, "Bad Request", str(error))


def foreign_project(error: ForeignProjectError) -> Response:
    """A project that the caller has no access to, whether it exists or not."""
    return problem(403, "Forbidden", f"{_sentence(str(error))}.")


def hidden(error: Exception) -> Response:
    """The same answer for what does not exist and for what the caller may not see."""
    asked = request.view_args or {}
    if isinstance(error, NotHereError) and str(error):
        detail = str(error)
    elif key := asked.get("key"):
        detail = f"{key.upper()} isn't indexed, or you don't have access."
    elif "job_id" in asked:
        detail = "Job not found, or another user or token created it."
    elif "clip_id" in asked:
        detail = "This clip isn't indexed, or you don't have access."
    else:
        detail = "One of the clips isn't indexed, has no frames to show, or you don't have access."
    return problem(404, "Not Found", detail)


def no_page(_error: NoSuchPageError) -> Response:
    """A cursor that is made up, or belongs to another search."""
    detail = (
        "Unknown cursor, or it belongs to another caller, another search or other filters. Repeat "
        "the search without `cursor`."
    )
    return problem(404, "Not Found", detail)


def expired_page(_error: ExpiredPageError) -> Response:
    """A cursor that is no longer kept (RFC 9110, 15.5.11)."""
    detail = (
        f"This cursor has expired: pages are kept for {PAGES_KEPT // 60} minutes. Repeat the "
        "search without `cursor`."
    )
    return problem(410, "Gone", detail)


def expired_job(_error: ExpiredJobError) -> Response:
    """A job that is no longer kept. The answer depends on the id alone, and so is the same for
    everyone."""
    detail = (
        f"This job has expired: results are kept for {KEPT // 60} minutes. Upload the clip again."
    )
    return problem(410, "Gone", detail)


def unavailable(error: Exception) -> Response:
    """A part that is needed is not available: show nothing."""
    log.warning("api_unavailable", why=type(error).__name__, said=str(error))
    told = SearchFailedError | IndexUnavailableError | TooManyUploadsError
    reason = str(error) if isinstance(error, told) else ""
    detail = reason or "Redis or Jira is not available right now; try again in a minute"
    answer = problem(503, "Service Unavailable", f"{_sentence(detail)}.")
    answer.headers["Retry-After"] = "10"
    return answer


def store_away(error: StoreAwayError) -> Response:
    """An uploaded clip can't be passed to a worker: it is deleted."""
    log.warning("api_unavailable", why=type(error).__name__, said=str(error))
    detail = "The media store is not available right now. Upload the clip again in a minute."
    answer = problem(503, "Service Unavailable", detail)
    answer.headers["Retry-After"] = "10"
    return answer


def http_error(error: HTTPException) -> Response:
    """What Flask itself rejects: bodies that are too large, methods that an address does not
    have."""
    status = error.code or 500
    detail = {
        405: "This address does not support the method; see the `Allow` header.",
        413: "The clip is larger than DEJABUG_UPLOAD_MAX_BYTES. Cut it to the part with the bug.",
    }.get(status, error.description or "")
    answer = problem(status, error.name, detail)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _sentence(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[:1].upper() + text[1:]


def register(blueprint: Blueprint) -> None:
    """Register the handlers with the blueprint."""
    for kind, answer in (
        (NoTokenError, no_token),
        (ForeignOriginError, foreign_origin),
        (OnlyReadingError, only_reading),
        (NoVerdictsError, no_verdicts),
        (NoJiraAccountError, no_jira_account),
        (TooManyError, too_many),
        (ValidationError, wrong_parameters),
        (BadRequestError, bad_request),
        (ForeignProjectError, foreign_project),
        (HiddenIssueError, hidden),
        (NotHereError, hidden),
        (NoSuchPageError, no_page),
        (ExpiredPageError, expired_page),
        (ExpiredJobError, expired_job),
        (SearchFailedError, unavailable),
        (TooManyUploadsError, unavailable),
        (IndexUnavailableError, unavailable),
        (StoreAwayError, store_away),
        (JiraError, unavailable),
        (redis.RedisError, unavailable),
        (HTTPException, http_error),
    ):
        blueprint.register_error_handler(kind, answer)

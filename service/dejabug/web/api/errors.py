"""Every error of the API as problem details (RFC 9457) that say what to change."""

from __future__ import annotations

import redis
import structlog
from flask import Blueprint, Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.index import IndexUnavailableError
from dejabug.infra.metrics import RATE_REFUSALS
from dejabug.jira.errors import JiraError
from dejabug.media_store.objects import StoreAwayError
from dejabug.search.disclosure import ForeignProjectError, HiddenIssueError
from dejabug.search.questions import SearchFailedError
from dejabug.search.search import NoSuchPageError
from dejabug.search.uploads import TooManyUploadsError
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
    """What was sent cannot be understood; the message says what to change."""


class NotHereError(Exception):
    """There is no such thing, or it is not this caller's."""


def no_token(_error: NoTokenError) -> Response:
    """RFC 6750, 3."""
    detail = (
        "Send `Authorization: Bearer djb_…` with a valid token; make one with: dejabug token create"
    )
    answer = problem(401, "Unauthorized", detail)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="dejabug"'
    return answer


def foreign_origin(_error: ForeignOriginError) -> Response:
    """A session is for our own pages."""
    detail = "A session changes things only from this service's own pages; scripts send a token."
    return problem(403, "Forbidden", detail)


def only_reading(_error: OnlyReadingError) -> Response:
    """Who sees public projects only changes nothing."""
    detail = "Only a token, or a person whom Jira knows by their e-mail, changes anything."
    return problem(403, "Forbidden", detail)


def no_verdicts(_error: NoVerdictsError) -> Response:
    """A token for reading."""
    detail = (
        "This token can't record verdicts. Make one that can with: dejabug token create --verdicts"
    )
    return problem(403, "Forbidden", detail)


def no_jira_account(error: NoJiraAccountError) -> Response:
    """A session of somebody who may see nothing."""
    return problem(403, "Forbidden", str(error))


def too_many(error: TooManyError) -> Response:
    """RFC 6585, 4."""
    RATE_REFUSALS.labels("api").inc()
    answer = problem(429, "Too Many Requests", f"{error}.")
    answer.headers["Retry-After"] = str(error.wait)
    return answer


def wrong_parameters(error: ValidationError) -> Response:
    """All that is wrong with the parameters, by name."""
    wrong = "; ".join(
        f"`{'.'.join(str(part) for part in each['loc'])}`: {each['msg']}"
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    )
    return problem(400, "Bad Request", f"{wrong}. See {PREFIX}/docs.")


def bad_request(error: BadRequestError) -> Response:
    """What to change."""
    return problem(400, "Bad Request", str(error))


def foreign_project(error: ForeignProjectError) -> Response:
    """A project that is not the caller's, whether it exists or not."""
    return problem(403, "Forbidden", f"{error}.")


def hidden(_error: Exception) -> Response:
    """Unknown and hidden get one answer."""
    return problem(404, "Not Found", "There is no such thing here, or not for you.")


def no_page(_error: NoSuchPageError) -> Response:
    """A cursor that is over, made up, or another question's."""
    detail = (
        "There is no such page for you and this question with these filters. Pages are kept for "
        "five minutes: ask again without `cursor`."
    )
    return problem(404, "Not Found", detail)


def unavailable(error: Exception) -> Response:
    """A part that is needed is away: nothing is shown rather than too much."""
    log.warning("api_unavailable", why=type(error).__name__, said=str(error))
    told = SearchFailedError | IndexUnavailableError | TooManyUploadsError
    reason = str(error) if isinstance(error, told) else ""
    detail = reason or "Redis or Jira cannot be asked just now; try again soon"
    answer = problem(503, "Service Unavailable", f"{detail}.")
    answer.headers["Retry-After"] = "10"
    return answer


def store_away(error: StoreAwayError) -> Response:
    """A clip that was sent cannot be handed to a worker: nothing of it is kept."""
    log.warning("api_unavailable", why=type(error).__name__, said=str(error))
    detail = "The media store does not take the clip just now; send it again soon."
    answer = problem(503, "Service Unavailable", detail)
    answer.headers["Retry-After"] = "10"
    return answer


def http_error(error: HTTPException) -> Response:
    """What Flask itself refuses: bodies too large, methods that are not there."""
    status = error.code or 500
    detail = {
        405: "This address does not take that method; see the header Allow.",
        413: "The clip is larger than DEJABUG_UPLOAD_MAX_BYTES; send only the part with the bug.",
    }.get(status, error.description or "")
    answer = problem(status, error.name, detail)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def register(blueprint: Blueprint) -> None:
    """Have these answer for the blueprint."""
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
        (SearchFailedError, unavailable),
        (TooManyUploadsError, unavailable),
        (IndexUnavailableError, unavailable),
        (StoreAwayError, store_away),
        (JiraError, unavailable),
        (redis.RedisError, unavailable),
        (HTTPException, http_error),
    ):
        blueprint.register_error_handler(kind, answer)

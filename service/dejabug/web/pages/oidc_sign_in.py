"""`/sign-in/oidc`: to the studio's provider and back."""

from __future__ import annotations

import hmac

import structlog
from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.access.principals import EmailUser
from dejabug.web.api.auth import caller_of, services
from dejabug.web.oidc import (
    Attempt,
    Attempts,
    NotBelievedError,
    Provider,
    ProviderAwayError,
    UnconfirmedError,
)
from dejabug.web.oidc.attempts import LASTS
from dejabug.web.pages.sign_in import (
    failed,
    form,
    let_through,
    provider,
    set_cookie,
    too_many,
)
from dejabug.web.pages.sign_in_limits import begin_wait

log = structlog.get_logger()

# The cookie of a sign-in that is under way, and where it is sent.
ATTEMPT = "dejabug_sign_in"
PATH = "/sign-in/oidc"
AWAY = "Signing in with {name} does not work just now. Try again soon."
OVER = "This sign-in is over: it took too long, or was begun in another window. Try again."
REFUSED = "Signing in with {name} was refused: you said no there, or may not use this service."
NOT_BELIEVED = "This sign-in could not be checked, so it does not count. Try again."
UNCONFIRMED = (
    "Signing in with {name} needs an e-mail that is confirmed there as yours, to find you in Jira. "
    "Ask whoever runs it."
)


def register(blueprint: Blueprint) -> None:
    """Add these addresses to the pages."""
    blueprint.get(PATH)(begin)
    blueprint.get(f"{PATH}/callback")(end)


def begin() -> Response:
    """Go to the provider."""
    there = _provider()
    if wait := begin_wait():
        return too_many(wait)
    try:
        address, attempt = there.begin(request.args.get("next", ""))
    except ProviderAwayError as error:
        log.warning("provider_away", why=str(error))
        return form(AWAY.format(name=there.name), 503)
    answer = redirect(address, 303)
    set_cookie(answer, ATTEMPT, Attempts(services().redis).begin(attempt), LASTS, PATH)
    return answer


def end() -> Response:
    """Come back from the provider: begin a session, or say why not."""
    there = _provider()
    attempt = Attempts(services().redis).end(request.cookies.get(ATTEMPT, ""))
    answer = _ended(there, attempt)
    answer.delete_cookie(ATTEMPT, path=PATH)
    return answer


def _ended(there: Provider, attempt: Attempt | None) -> Response:
    state = request.args.get("state", "")
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        return failed(OVER, 400, why="no such attempt")
    if there.issued_by_another(request.args.get("iss")):
        return failed(NOT_BELIEVED, 400, why="another issuer")
    code = request.args.get("code", "")
    if "error" in request.args or not code:
        return failed(REFUSED.format(name=there.name), 403, why="refused there")
    try:
        user = EmailUser(there.email(code, attempt))
        # Who may see nothing is told so at once.
        caller_of(user)
    except ProviderAwayError as error:
        log.warning("provider_away", why=str(error))
        return form(AWAY.format(name=there.name), 503)
    except NotBelievedError as error:
        return failed(NOT_BELIEVED, 403, why=str(error))
    except UnconfirmedError:
        return failed(UNCONFIRMED.format(name=there.name), 403, why="no confirmed e-mail")
    except NoJiraAccountError as error:
        return failed(str(error), 403, why="stranger")
    return let_through(user, attempt.back)


def _provider() -> Provider:
    there = provider()
    if there is None:
        abort(404)
    return there

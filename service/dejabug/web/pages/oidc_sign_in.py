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

# The cookie of a sign-in in progress, and its path.
ATTEMPT = "dejabug_sign_in"
PATH = "/sign-in/oidc"
AWAY = "Sign-in with {name} is not available right now. Try again in a minute."
OVER = (
    "This sign-in has expired: it took more than 10 minutes, or started in another window. "
    "Try again."
)
REFUSED = "{name} refused the sign-in: you cancelled it, or you don't have access to Déjà Bug."
NOT_BELIEVED = "Can't verify this sign-in. Try again."
UNCONFIRMED = (
    "{name} has no confirmed email address for you. Déjà Bug needs one to find your Jira account. "
    "Ask the administrator of {name}."
)


def register(blueprint: Blueprint) -> None:
    """Add these views to the pages."""
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
    """Return from the provider: start a session, or say why not."""
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
        # Anyone who may not see anything learns it at once.
        caller_of(user)
    except ProviderAwayError as error:
        log.warning("provider_away", why=str(error))
        return form(AWAY.format(name=there.name), 503)
    except NotBelievedError as error:
        return failed(NOT_BELIEVED, 403, why=str(error))
    except UnconfirmedError:
        return failed(UNCONFIRMED.format(name=there.name), 403, why="no confirmed email")
    except NoJiraAccountError as error:
        return failed(str(error), 403, why="stranger")
    return let_through(user, attempt.back)


def _provider() -> Provider:
    there = provider()
    if there is None:
        abort(404)
    return there

"""`/sign-in` and `/sign-out`: the form, sessions for tokens, and the end of a session."""

from __future__ import annotations

from typing import cast

import structlog
from flask import Blueprint, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from dejabug.access.principals import TokenPrincipal
from dejabug.access.sessions import LASTS, SessionOwner
from dejabug.web.api.auth import COOKIE, ForeignOriginError, check_origin, services
from dejabug.web.oidc import Provider
from dejabug.web.pages.sign_in_limits import failure_wait

log = structlog.get_logger()

NOT_VALID = "Invalid or expired token. Paste the whole token; it starts with djb_."
FOREIGN = "Sign-in blocked: the request came from another site. Sign in on this page."
TOO_MANY = "Too many sign-in attempts. Try again in {wait} s."


def register(blueprint: Blueprint) -> None:
    """Add these views to the pages."""
    blueprint.get("/sign-in")(sign_in)
    blueprint.post("/sign-in")(signed_in)
    blueprint.post("/sign-out")(sign_out)


def sign_in() -> Response:
    """The form."""
    return form()


def signed_in() -> Response:
    """Start a session for a valid token."""
    try:
        check_origin()
    except ForeignOriginError:
        return form(FOREIGN, 403)
    token = services().tokens.recognise(request.form.get("token", "").strip())
    if token is None:
        return failed(NOT_VALID, 401, why="no such token", by_token=True)
    return let_through(token.principal, request.form.get("next", ""))


def sign_out() -> Response:
    """End the session."""
    try:
        check_origin()
    except ForeignOriginError:
        return form(FOREIGN, 403)
    services().sessions.end(request.cookies.get(COOKIE, ""))
    answer = make_response("", 204)
    answer.delete_cookie(COOKIE)
    return answer


def provider() -> Provider | None:
    """The provider at which people sign in, if one is set up."""
    return cast("Provider | None", current_app.extensions["provider"])


def let_through(owner: SessionOwner, back: str) -> Response:
    """Start a session with a new id, end the browser's previous session (OWASP Session Management
    Cheat Sheet), and go to the requested page."""
    services().sessions.end(request.cookies.get(COOKIE, ""))
    answer = redirect(local(back), 303)
    set_cookie(answer, COOKIE, services().sessions.begin(owner), LASTS)
    log.info("signed_in", by="token" if isinstance(owner, TokenPrincipal) else "email")
    return answer


def set_cookie(answer: Response, name: str, value: str, seconds: int, path: str = "/") -> None:
    """Set a cookie that scripts cannot read.

    SameSite is Lax, since people come from links in Jira and from the provider. Views that change
    something check the Origin header themselves (`check_origin`).
    """
    secure = request.is_secure or services().settings.public_url.startswith("https://")
    answer.set_cookie(
        name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Lax"
    )


def failed(problem: str, status: int, *, why: str, by_token: bool = False) -> Response:
    """The form again after a failed sign-in, or 429 after too many."""
    log.info("sign_in_failed", why=why)
    if wait := failure_wait():
        return too_many(wait)
    return form(problem, status, by_token=by_token)


def too_many(wait: int) -> Response:
    """The form with status 429 (RFC 6585, 4); `wait` in seconds."""
    answer = form(TOO_MANY.format(wait=wait), 429)
    answer.headers["Retry-After"] = str(wait)
    return answer


def form(
    problem: str = "", status: int = 200, back: str | None = None, *, by_token: bool = False
) -> Response:
    """The sign-in page. `by_token`: open the token form, if there is also a provider."""
    offered = provider()
    page = render_template(
        "sign-in.html",
        problem=problem,
        back=local(back if back is not None else request.values.get("next", "")),
        by_token=by_token,
        provider=offered.name if offered else "",
        ended="ended" in request.args,
    )
    answer = make_response(page, status)
    # With `no-referrer`, browsers send forms with `Origin: null`. This also hides the address from
    # other sites.
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def local(address: str) -> str:
    """The address if it is one of ours, otherwise the search page's."""
    leads_elsewhere = not address.startswith("/") or address[1:2] in ("/", "\\")
    return "/" if leads_elsewhere or not address.isprintable() else address

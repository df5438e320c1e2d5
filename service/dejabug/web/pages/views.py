"""The addresses of the pages."""

from __future__ import annotations

from typing import Any

import redis
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dejabug.sessions import LASTS
from dejabug.tokens import ApiToken
from dejabug.web.api.auth import COOKIE, ForeignOriginError, check_origin, place, session_token

blueprint = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/pages",
)

# No script and no style but our files'; `blob:` is a clip that was chosen and is played beside what
# was found.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
NOT_VALID = (
    "That token is not valid, or no longer. Copy it whole, with djb_ at its beginning, or have a "
    "new one made: dejabug token create"
)
FOREIGN = "Sign in on this service's own page."
AWAY = "Redis cannot be asked just now. Try again soon."


@blueprint.after_request
def shield(answer: Response) -> Response:
    """Keep others' scripts, frames and eyes out."""
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "pages.static":
        answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/")
def search() -> AnyResponse:
    """The search page."""
    return _page("search.html")


@blueprint.get("/status")
def status() -> AnyResponse:
    """The status page."""
    return _page("status.html")


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """The form."""
    return _form()


@blueprint.post("/sign-in")
def signed_in() -> AnyResponse:
    """Begin a session for a token that is valid."""
    try:
        check_origin()
    except ForeignOriginError:
        return _form(FOREIGN, 403)
    token = place().tokens.recognise(request.form.get("token", "").strip())
    if token is None:
        return _form(NOT_VALID, 401)
    answer = redirect(_local(request.form.get("next", "")), 303)
    secure = request.is_secure or place().settings.public_url.startswith("https://")
    answer.set_cookie(
        COOKIE,
        place().sessions.begin(token),
        max_age=LASTS,
        secure=secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session."""
    try:
        check_origin()
    except ForeignOriginError:
        return _form(FOREIGN, 403)
    place().sessions.end(request.cookies.get(COOKIE, ""))
    answer = make_response("", 204)
    answer.delete_cookie(COOKIE)
    return answer


@blueprint.errorhandler(redis.RedisError)
def away(_error: Exception) -> AnyResponse:
    """Whose session it is cannot be told: nothing is shown."""
    return _form(AWAY, 503)


def _page(template: str) -> AnyResponse:
    token = session_token()
    if token is None:
        back = request.full_path.rstrip("?")
        return _form(status=401, back=back)
    return make_response(render_template(template, **_known(token)))


def _known(token: ApiToken) -> dict[str, Any]:
    """What a page is told of its session."""
    most = place().settings.upload_max_bytes
    return {"name": token.name, "projects": sorted(token.projects), "most": most}


def _form(problem: str = "", status: int = 200, back: str | None = None) -> AnyResponse:
    back = _local(back if back is not None else request.values.get("next", ""))
    answer = make_response(render_template("sign-in.html", problem=problem, back=back), status)
    # Under `no-referrer` browsers send forms with `Origin: null`; this too tells no other site.
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def _local(address: str) -> str:
    """An address of ours; whatever could lead elsewhere leads to the search."""
    leads_elsewhere = not address.startswith("/") or address[1:2] in ("/", "\\")
    return "/" if leads_elsewhere or not address.isprintable() else address

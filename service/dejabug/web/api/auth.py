"""Who calls the API: a token, or a session of the pages begun with one, within its rate."""

from __future__ import annotations

import math
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request

from dejabug import rates
from dejabug.callers import Caller
from dejabug.rooms import Rooms
from dejabug.tokens import ApiToken


class NoTokenError(Exception):
    """The call has no token, or none that is valid."""


class TooManyError(Exception):
    """The caller has asked too often; `wait` is in whole seconds."""

    def __init__(self, per_minute: int, wait: int) -> None:
        super().__init__(f"this token may ask {per_minute} times a minute; wait {wait} s")
        self.wait = wait


class ForeignOriginError(Exception):
    """A page of another site tried to use somebody's session."""


# The cookie of the pages' sessions.
COOKIE = "dejabug_session"
# Methods that change nothing (RFC 9110, 9.2.1).
SAFE = ("GET", "HEAD", "OPTIONS")


def place() -> Rooms:
    """This app's rooms."""
    return cast(Rooms, current_app.extensions["dejabug"])


def let_in() -> None:
    """Recognise the call's token, or its session's, as `g.token`, and count the call.

    Raises NoTokenError, ForeignOriginError and TooManyError.
    """
    token = _bearer() if "Authorization" in request.headers else session_token()
    if token is None:
        raise NoTokenError
    per_minute = place().settings.api_requests_per_minute
    wait = rates.take(place().redis, token.reader, per_minute)
    if wait:
        raise TooManyError(per_minute, math.ceil(wait))
    g.token = token


def session_token() -> ApiToken | None:
    """The token with which the call's session was begun, if both last. Raises ForeignOriginError
    for a change that another site's page asks for."""
    token = place().sessions.token(request.cookies.get(COOKIE, ""))
    if token is not None:
        check_origin()
    return token


def check_origin() -> None:
    """Let only our own pages change anything: browsers say in `Origin` whose page sends (OWASP
    Cross-Site Request Forgery Prevention Cheat Sheet). Raises ForeignOriginError.

    Only hosts are compared: behind a proxy we do not see whether a browser came by https.
    """
    if request.method in SAFE:
        return
    ours = {request.host, urlsplit(place().settings.public_url).netloc} - {""}
    if urlsplit(request.headers.get("Origin", "")).netloc not in ours:
        raise ForeignOriginError


def _bearer() -> ApiToken | None:
    kind, _, secret = request.headers["Authorization"].partition(" ")
    return place().tokens.recognise(secret.strip()) if kind.lower() == "bearer" else None


def caller() -> Caller:
    """Who calls."""
    token: ApiToken = g.token
    return Caller(token.reader, frozenset(token.projects))

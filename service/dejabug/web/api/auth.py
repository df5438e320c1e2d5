"""Who calls the API: a token, within its rate."""

from __future__ import annotations

import math
from typing import cast

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


def place() -> Rooms:
    """This app's rooms."""
    return cast(Rooms, current_app.extensions["dejabug"])


def let_in() -> None:
    """Recognise the call's token as `g.token`, and count the call.

    Raises NoTokenError and TooManyError.
    """
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = place().tokens.recognise(secret.strip()) if kind.lower() == "bearer" else None
    if token is None:
        raise NoTokenError
    per_minute = place().settings.api_requests_per_minute
    wait = rates.take(place().redis, token.reader, per_minute)
    if wait:
        raise TooManyError(per_minute, math.ceil(wait))
    g.token = token


def caller() -> Caller:
    """Who calls."""
    token: ApiToken = g.token
    return Caller(token.reader, frozenset(token.projects))

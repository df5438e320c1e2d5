"""Who calls the API: a token, or a session of the pages, within their rate."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request

from dejabug.access.callers import Caller
from dejabug.access.sessions import BY_EMAIL, BY_TOKEN
from dejabug.access.tokens import ApiToken
from dejabug.infra import rate_limit
from dejabug.services import Services


class NoTokenError(Exception):
    """The call has no token, or none that is valid."""


class TooManyError(Exception):
    """The caller has asked too often; `wait` is in whole seconds."""

    def __init__(self, per_minute: int, wait: int) -> None:
        super().__init__(f"you may ask {per_minute} times a minute; wait {wait} s")
        self.wait = wait


class ForeignOriginError(Exception):
    """A page of another site tried to use somebody's session."""


class OnlyReadingError(Exception):
    """Somebody of whom nothing is known tried to change something."""


@dataclass(frozen=True)
class Member:
    """Somebody whose e-mail the studio's provider vouches for."""

    name: str

    @property
    def reader(self) -> str:
        """How they are counted, and called where Jira does not know them."""
        return f"{BY_EMAIL}{hashlib.sha256(self.name.encode()).hexdigest()[:32]}"


Visitor = ApiToken | Member

# The cookie of the pages' sessions.
COOKIE = "dejabug_session"
# Methods that change nothing (RFC 9110, 9.2.1).
SAFE = ("GET", "HEAD", "OPTIONS")


def services() -> Services:
    """This app's services."""
    return cast(Services, current_app.extensions["dejabug"])


def let_in() -> None:
    """Recognise the call's token, or its session, count the call, and know who calls (`caller`).

    Raises NoTokenError, ForeignOriginError, TooManyError, StrangerError and JiraError.
    """
    visitor = _bearer() if "Authorization" in request.headers else session_visitor()
    if visitor is None:
        raise NoTokenError
    per_minute = services().settings.api_requests_per_minute
    wait = rate_limit.take(services().redis, visitor.reader, per_minute)
    if wait:
        raise TooManyError(per_minute, math.ceil(wait))
    g.caller = caller_of(visitor)


def session_visitor() -> Visitor | None:
    """Whose session the call has, if it lasts. Raises ForeignOriginError for a change that another
    site's page asks for."""
    whose = services().sessions.whose(request.cookies.get(COOKIE, "")) or ""
    visitor: Visitor | None = None
    if whose.startswith(BY_TOKEN):
        visitor = services().tokens.get(whose.removeprefix(BY_TOKEN))
    elif whose.startswith(BY_EMAIL):
        visitor = Member(whose.removeprefix(BY_EMAIL))
    if visitor is not None:
        check_origin()
    return visitor


def caller_of(visitor: Visitor) -> Caller:
    """What a visitor may see now. Raises StrangerError and JiraError."""
    if isinstance(visitor, Member):
        return services().jira_users.caller(visitor.name, visitor.reader)
    return Caller(visitor.reader, frozenset(visitor.projects))


def check_origin() -> None:
    """Let only our own pages change anything: browsers say in `Origin` whose page sends (OWASP
    Cross-Site Request Forgery Prevention Cheat Sheet). Raises ForeignOriginError.

    Only hosts are compared: behind a proxy we do not see whether a browser came by https.
    """
    if request.method in SAFE:
        return
    ours = {request.host, urlsplit(services().settings.public_url).netloc} - {""}
    if urlsplit(request.headers.get("Origin", "")).netloc not in ours:
        raise ForeignOriginError


def _bearer() -> ApiToken | None:
    kind, _, secret = request.headers["Authorization"].partition(" ")
    return services().tokens.recognise(secret.strip()) if kind.lower() == "bearer" else None


def caller() -> Caller:
    """Who calls."""
    return cast(Caller, g.caller)


def changing_caller() -> Caller:
    """Who calls to change something: that is not for everybody. Raises OnlyReadingError."""
    if caller().anybody:
        raise OnlyReadingError
    return caller()

"""Authenticates calls of the API, by token or by a session of the pages, and limits their rate."""

from __future__ import annotations

import math
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request

from dejabug.access.principals import Caller, EmailUser, PublicPrincipal, TokenPrincipal
from dejabug.access.tokens import ApiToken
from dejabug.infra import rate_limit
from dejabug.services import Services


class NoTokenError(Exception):
    """The call has no valid token."""


class TooManyError(Exception):
    """The caller has made too many requests; `wait` is in whole seconds."""

    def __init__(self, per_minute: int, wait: int) -> None:
        super().__init__(f"Limit: {per_minute} requests a minute. Try again in {wait} s")
        self.wait = wait


class ForeignOriginError(Exception):
    """A page of another site tried to use a session."""


class OnlyReadingError(Exception):
    """A caller with read-only access tried to change something."""


class NoVerdictsError(Exception):
    """A token that may not record verdicts."""


# How a call is authenticated: by a token, or by an email address that the studio's provider has
# confirmed.
Credential = ApiToken | EmailUser

# The cookie of the pages' sessions.
COOKIE = "dejabug_session"
# Methods that change nothing (RFC 9110, 9.2.1).
SAFE = ("GET", "HEAD", "OPTIONS")


def services() -> Services:
    """This app's services."""
    return cast(Services, current_app.extensions["dejabug"])


def let_in() -> None:
    """Check the call's token or session, count the call, and store who calls (`caller`).

    Raises NoTokenError, ForeignOriginError, TooManyError, NoJiraAccountError and JiraError.
    """
    credential = _bearer() if "Authorization" in request.headers else session_credential()
    if credential is None:
        raise NoTokenError
    per_minute = services().settings.api_requests_per_minute
    wait = rate_limit.take(services().redis, _counted_as(credential), per_minute)
    if wait:
        raise TooManyError(per_minute, math.ceil(wait))
    g.credential, g.caller = credential, caller_of(credential)


def recognised() -> str | None:
    """Whose token or session the call has, None if it has no valid one. Counts nothing, and says
    nothing about rights."""
    try:
        credential = _bearer() if "Authorization" in request.headers else session_credential()
    except ForeignOriginError:
        return None
    return _counted_as(credential) if credential is not None else None


def session_credential() -> Credential | None:
    """The token or person that the call's session belongs to, while both are valid. Raises
    ForeignOriginError for a change that another site's page requests."""
    owner = services().sessions.owner(request.cookies.get(COOKIE, ""))
    credential: Credential | None
    if isinstance(owner, TokenPrincipal):
        credential = services().tokens.get(owner.token_id)
    else:
        credential = owner
    if credential is not None:
        check_origin()
    return credential


def caller_of(credential: Credential) -> Caller:
    """Who calls, and which projects they may search now. Raises NoJiraAccountError and
    JiraError."""
    if isinstance(credential, EmailUser):
        unknown = PublicPrincipal(credential.digest_name)
        return services().jira_users.caller(credential, otherwise=unknown)
    return Caller(credential.principal, frozenset(credential.projects))


def _counted_as(credential: Credential) -> str:
    if isinstance(credential, EmailUser):
        return credential.digest_name
    return credential.principal.name


def check_origin() -> None:
    """Allow changes from our own pages only: browsers name the sending page's site in `Origin`
    (OWASP Cross-Site Request Forgery Prevention Cheat Sheet). Raises ForeignOriginError.

    Only hosts are compared: behind a proxy we do not see whether the browser used https.
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
    """Who calls, for a view that makes changes. Raises OnlyReadingError for read-only access."""
    if caller().is_anonymous:
        raise OnlyReadingError
    return caller()


def judging_caller() -> Caller:
    """Who calls to record a verdict. Raises OnlyReadingError and NoVerdictsError."""
    who = changing_caller()
    if not may_judge(g.credential, who):
        raise NoVerdictsError
    return who


def may_judge(credential: Credential, who: Caller) -> bool:
    """Whether a caller may record verdicts on issues that they see: people whom Jira knows may, as
    in its panel, and tokens that were made for it."""
    if isinstance(credential, EmailUser):
        return not who.is_anonymous
    return credential.verdicts

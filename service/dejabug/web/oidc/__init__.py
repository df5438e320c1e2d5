"""Sign-in with the studio's OpenID Connect provider, which confirms a person's email address.
Authlib implements the protocol (authorisation code flow with PKCE)."""

from dejabug.web.oidc.attempts import Attempt, Attempts
from dejabug.web.oidc.discovery import ProviderAwayError
from dejabug.web.oidc.provider import NotBelievedError, Provider, UnconfirmedError

__all__ = [
    "Attempt",
    "Attempts",
    "NotBelievedError",
    "Provider",
    "ProviderAwayError",
    "UnconfirmedError",
]

"""The studio's OpenID Connect provider: who says that an e-mail is whose. Authlib speaks the
protocol (authorisation code flow with PKCE)."""

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

"""Reads a provider's discovery document (OpenID Connect Discovery 1.0, 4)."""

from __future__ import annotations

from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dejabug.web.oidc.guarded_session import TIMEOUT, fence, may_reach

WELL_KNOWN = "/.well-known/openid-configuration"
# Algorithms that may sign an ID token: those with a private key of the provider. `none` is not a
# signature, and HS256 would use our own secret, or a public key in an attack (RFC 8725, 3.1).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")  # noqa: E501  # fmt: skip


class ProviderAwayError(Exception):
    """The provider is not available, or its answer is unusable; the message says what is wrong."""


class Document(BaseModel):
    """The parts of the document that we use. Others are dropped: Authlib would use them as
    settings of its requests (`verify`, `proxies`)."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] = Field(default_factory=lambda: ["RS256"])
    token_endpoint_auth_methods_supported: list[str] = Field(
        default_factory=lambda: ["client_secret_basic"]
    )

    def for_authlib(self) -> dict[str, Any]:
        """The provider's metadata for Authlib, with the algorithms that we allow."""
        named = self.id_token_signing_alg_values_supported
        allowed = [each for each in ALGORITHMS if each in named]
        return {**self.model_dump(), "id_token_signing_alg_values_supported": allowed}


def read_document(issuer: str) -> Document:
    """The document of an issuer. Its name must be the configured one, except for a trailing slash.

    Raises ProviderAwayError.
    """
    if not may_reach(issuer, issuer):
        raise ProviderAwayError(f"{issuer} is not an https URL")
    address = issuer.rstrip("/") + WELL_KNOWN
    try:
        with fence(requests.Session(), issuer) as session:
            answer = session.get(address, timeout=TIMEOUT)
            answer.raise_for_status()
            found = Document.model_validate_json(answer.content)
    except requests.RequestException as error:
        raise ProviderAwayError(f"can't read {address}: {type(error).__name__}") from None
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise ProviderAwayError(
            f"{address} is not a discovery document (wrong: {wrong or 'JSON'})"
        ) from None
    _check(found, issuer)
    return found


def _check(found: Document, issuer: str) -> None:
    if found.issuer.rstrip("/") != issuer.rstrip("/"):
        raise ProviderAwayError(f"its document names another issuer, {found.issuer!r:.200}")
    addresses = found.model_dump(include={"authorization_endpoint", "token_endpoint", "jwks_uri"})
    for name, url in {**addresses, "userinfo_endpoint": found.userinfo_endpoint or issuer}.items():
        if not may_reach(url, issuer):
            raise ProviderAwayError(f"its {name} is not an https URL")
    if not found.for_authlib()["id_token_signing_alg_values_supported"]:
        raise ProviderAwayError(
            "it does not sign with a public key: HS256 and none are not allowed"
        )

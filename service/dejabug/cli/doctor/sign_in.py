"""The check of single sign-on."""

from __future__ import annotations

from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.errors import UserError
from dejabug.services import Services
from dejabug.web.oidc import Provider, ProviderAwayError


def check_sign_in(services: Services) -> str:
    """The OpenID Connect provider. Raises UnwellError."""
    issuer = services.settings.oidc_issuer
    if not issuer:
        if services.settings.oidc_client_id:
            raise UnwellError(
                "DEJABUG_OIDC_CLIENT_ID is set, but DEJABUG_OIDC_ISSUER is not",
                "Set DEJABUG_OIDC_ISSUER to the provider's address, e.g. "
                "https://login.studio.example; see docs/how-to/sign-in.md.",
            )
        return "with API tokens only (DEJABUG_OIDC_ISSUER is not set)"
    try:
        provider = Provider(services.settings)
        document = provider.document()
    except UserError as error:
        raise UnwellError(
            str(error), "Set it, or remove DEJABUG_OIDC_ISSUER to switch single sign-on off."
        ) from error
    except ProviderAwayError as error:
        raise UnwellError(
            str(error),
            "Set DEJABUG_OIDC_ISSUER to the `issuer` in the provider's discovery document, and "
            "allow the web service to reach it.",
        ) from error
    return f"at {document.issuer}; register {provider.callback} there as redirect URI"

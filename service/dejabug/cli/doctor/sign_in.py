"""The check of what people sign in at."""

from __future__ import annotations

from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.errors import UserError
from dejabug.services import Services
from dejabug.web.oidc import Provider, ProviderAwayError


def check_sign_in(services: Services) -> str:
    """The provider that people sign in at. Raises UnwellError."""
    issuer = services.settings.oidc_issuer
    if not issuer:
        if services.settings.oidc_client_id:
            raise UnwellError("DEJABUG_OIDC_ISSUER is not set", "See docs/how-to/sign-in.md.")
        return "with API tokens only (DEJABUG_OIDC_ISSUER)"
    try:
        provider = Provider(services.settings)
        document = provider.document()
    except UserError as error:
        raise UnwellError(str(error), "Set it, or leave DEJABUG_OIDC_ISSUER out.") from error
    except ProviderAwayError as error:
        raise UnwellError(
            str(error),
            "Set DEJABUG_OIDC_ISSUER to the `issuer` of the provider's discovery document, and let "
            "the web service reach it.",
        ) from error
    return f"at {document.issuer}, which must know the redirect address {provider.callback}"

"""`/api/v1`: search for scripts and tools, with a token. See its OpenAPI document."""

from dejabug.web.api.views import blueprint

__all__ = ["blueprint"]

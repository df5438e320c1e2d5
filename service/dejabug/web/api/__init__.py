"""`/api/v1`: the search for scripts and tools, by token. Described by its own OpenAPI document."""

from dejabug.web.api.views import blueprint

__all__ = ["blueprint"]

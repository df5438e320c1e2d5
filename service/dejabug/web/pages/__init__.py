"""The pages: search at `/`, `/status`, and signing in with an API token.

They are files without a build step; all that they show comes from the API, by the session.
"""

from dejabug.web.pages.views import blueprint

__all__ = ["blueprint"]

"""The web pages: search at `/`, `/status`, and sign-in.

They have no build step. Their data comes from the API, with the session.
"""

from dejabug.web.pages.views import blueprint

__all__ = ["blueprint"]

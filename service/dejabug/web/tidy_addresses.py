"""Accepts addresses with superfluous slashes from services in which people type them.

Jira treats a redirect or a 404 as a failure and does not send the event again. Forge and Slack
append a path to a base address, which can double a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The addresses that Jira, Slack and Forge call. Signatures cover bodies and tokens, not addresses.
CALLED = ("/webhooks/", "/slack/", "/forge/")
SLASHES = re.compile(r"/{2,}")


class TidiedAddresses:
    """A WSGI app that treats `//webhooks/jira/` as `/webhooks/jira`."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Pass the request on, with the tidied address."""
        path = SLASHES.sub("/", environ.get("PATH_INFO", ""))
        if path.startswith(CALLED):
            environ["PATH_INFO"] = path.rstrip("/")
        return self._app(environ, start)

"""Addresses that somebody typed into another service, with a slash too many: taken as without.

Jira takes a redirect or a 404 for a failure and does not send that event again, and what Forge and
Slack call is put together from a base address and a path, so that slashes double.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What Jira, Slack and Forge call. Signatures are over bodies and tokens, never over addresses.
CALLED = ("/webhooks/", "/slack/", "/forge/")
SLASHES = re.compile(r"/{2,}")


class TidiedAddresses:
    """A WSGI app for which `//webhooks/jira/` is `/webhooks/jira`."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Pass a request on, under its tidied address."""
        path = SLASHES.sub("/", environ.get("PATH_INFO", ""))
        if path.startswith(CALLED):
            environ["PATH_INFO"] = path.rstrip("/")
        return self._app(environ, start)

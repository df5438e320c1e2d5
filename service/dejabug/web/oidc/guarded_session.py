"""Limits for requests to the provider: where they may go, and how large and slow an answer may be.

Addresses come from the provider's document, so they are not trusted: https only, and no redirects.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

# Seconds to connect, and between two packets.
TIMEOUT = (5, 5)
# Seconds and bytes of one answer at most: documents and key sets have a few kilobytes.
LONGEST = 10
LARGEST = 512 * 1024
CHUNK = 16 * 1024

Session = TypeVar("Session", bound=requests.Session)


class BoundedAdapter(HTTPAdapter):
    """Reads whole answers, within LONGEST and LARGEST. Raises requests' ConnectionError beyond."""

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request."""
        begun = time.monotonic()
        answer = super().send(*arguments, **options)
        body = bytearray()
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > LARGEST or time.monotonic() - begun > LONGEST:
                answer.close()
                raise requests.ConnectionError("the answer is too large or too slow")
        answer._content = bytes(body)  # as requests itself does after reading a body
        return answer


def fence(session: Session, issuer: str) -> Session:
    """Allow a session https only, plus the origin of an issuer on this machine. A redirect raises
    requests' TooManyRedirects, any other address InvalidSchema."""
    session.max_redirects = 0
    session.adapters.clear()
    session.mount("https://", BoundedAdapter())
    if origin := local_origin(issuer):
        session.mount(origin, BoundedAdapter())
    return session


def may_reach(url: str, issuer: str) -> bool:
    """Whether we and browsers may go to an address of the provider."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    origin = local_origin(issuer)
    return url.isprintable() and (safe or (bool(origin) and f"{url}/".startswith(origin)))


def local_origin(issuer: str) -> str:
    """`http://…/` of an issuer with plain http on this machine; empty for every other issuer."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    return f"http://{parts.netloc}/" if parts.scheme == "http" and here else ""

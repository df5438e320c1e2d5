"""Where a session of requests may go while it speaks to the provider, and how much it may be told.

Addresses come from the provider's own document, and so from outside: https only, and no redirects.
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
# Seconds and bytes of one answer at most: documents and key sets have some kilobytes.
LONGEST = 10
LARGEST = 512 * 1024
CHUNK = 16 * 1024

Session = TypeVar("Session", bound=requests.Session)


class BoundedAdapter(HTTPAdapter):
    """Reads answers whole, within LONGEST and LARGEST. Raises requests' ConnectionError beyond."""

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request."""
        begun = time.monotonic()
        answer = super().send(*arguments, **options)
        body = bytearray()
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > LARGEST or time.monotonic() - begun > LONGEST:
                answer.close()
                raise requests.ConnectionError("the answer is too large, or too slow")
        answer._content = bytes(body)  # what requests itself does with a body that was read
        return answer


def fence(session: Session, issuer: str) -> Session:
    """Let a session reach https alone; for an issuer on this machine its own origin too. The first
    redirect raises requests' TooManyRedirects, any other address InvalidSchema."""
    session.max_redirects = 0
    session.adapters.clear()
    session.mount("https://", BoundedAdapter())
    if origin := local_origin(issuer):
        session.mount(origin, BoundedAdapter())
    return session


def may_reach(url: str, issuer: str) -> bool:
    """Whether an address of the provider's is one that we, and browsers, may go to."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    origin = local_origin(issuer)
    return url.isprintable() and (safe or (bool(origin) and f"{url}/".startswith(origin)))


def local_origin(issuer: str) -> str:
    """`http://…/` of an issuer by plain http on this very machine; empty for every other one."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    return f"http://{parts.netloc}/" if parts.scheme == "http" and here else ""

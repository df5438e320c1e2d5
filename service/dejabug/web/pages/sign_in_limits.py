"""How often somebody may try to sign in, per address of a client's and in all.

Behind a proxy everybody comes from its address, and we do not believe headers that tell another. So
these bounds are there to keep Redis and the log small, and must never shut a studio out: a token
that is valid passes always (32 random bytes are not guessed, however often somebody tries), and
only failures are counted; begins at the provider are counted, since each is kept for minutes.
"""

from __future__ import annotations

import math

from flask import request

from dejabug.infra import rate_limit
from dejabug.web.api.auth import services

# Failures a minute.
FAILURES, ALL_FAILURES = 30, 300
# Begins a minute: a studio's morning, and at most 6,000 attempts of 300 bytes in Redis.
BEGINS, ALL_BEGINS = 240, 600


def failure_wait() -> int:
    """Count a sign-in that failed; the seconds until the next should be tried, 0 if there is room
    for more."""
    return _wait("sign-in-failed", FAILURES, ALL_FAILURES)


def begin_wait() -> int:
    """Count a sign-in that begins at the provider; the seconds that it must wait, 0 if it may."""
    return _wait("sign-in-begun", BEGINS, ALL_BEGINS)


def _wait(what: str, each: int, together: int) -> int:
    mine = rate_limit.take(services().redis, f"{what}:{request.remote_addr}", each)
    # What one address may not do takes no room from others.
    return math.ceil(mine or rate_limit.take(services().redis, what, together))

"""Rate limits of sign-ins, per client address and in total.

Behind a proxy, everyone comes from the proxy's address, and we do not trust headers that name
another one. So these limits only keep Redis and the log small, and must never lock a studio out. A
valid token is always accepted, since 32 random bytes cannot be guessed at any rate: only failures
count. Sign-ins that start at the provider count, since each one is stored for minutes.
"""

from __future__ import annotations

import math

from flask import request

from dejabug.infra import rate_limit
from dejabug.web.api.auth import services

# Failures a minute.
FAILURES, ALL_FAILURES = 30, 300
# Starts a minute: enough for a studio in the morning, and at most 6,000 attempts of 300 bytes in
# Redis.
BEGINS, ALL_BEGINS = 240, 600


def failure_wait() -> int:
    """Count a failed sign-in; returns the seconds to wait before the next one, 0 for none."""
    return _wait("sign-in-failed", FAILURES, ALL_FAILURES)


def begin_wait() -> int:
    """Count a sign-in that starts at the provider; returns the seconds to wait first, 0 for
    none."""
    return _wait("sign-in-begun", BEGINS, ALL_BEGINS)


def _wait(what: str, each: int, together: int) -> int:
    mine = rate_limit.take(services().redis, f"{what}:{request.remote_addr}", each)
    # A rejected address does not use up the total.
    return math.ceil(mine or rate_limit.take(services().redis, what, together))

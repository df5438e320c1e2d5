"""An answer that somebody waits for, from a worker: a list in Redis that is read by a blocking pop,
so that nobody polls and no answer is late."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, cast

import redis

from dejabug.infra.refused_writes import push_briefly

# Seconds that an answer is kept for whoever waits.
KEPT = 60
# Seconds of one blocking read: redis-py gives a socket up after five.
READ = 2.0


def new_reply() -> str:
    """The name of a place for one answer."""
    return secrets.token_hex(16)


def put_reply(connection: redis.Redis, reply: str, answer: Any) -> None:
    """Give the answer, as JSON."""
    push_briefly(connection, _key(reply), json.dumps(answer), KEPT)


def await_reply(connection: redis.Redis, reply: str, seconds: float) -> Any:
    """The answer, once; None when none comes within so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        wait = max(0.01, min(READ, left))  # Redis takes 0 for ever
        found = cast("list[bytes] | None", connection.blpop([_key(reply)], timeout=wait))
        if found is not None:
            return json.loads(found[1])
    return None


def _key(reply: str) -> str:
    return f"dejabug:reply:{reply}"

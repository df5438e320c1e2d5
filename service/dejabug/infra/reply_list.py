"""A worker's reply to a waiting process: a list in Redis that is read with a blocking pop, so that
nobody polls and no reply is late."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, cast

import redis

from dejabug.infra.refused_writes import push_briefly

# Seconds that a reply is kept for the waiting process.
KEPT = 60
# Seconds of one blocking read: redis-py's socket time-out is five.
READ = 2.0


def new_reply() -> str:
    """A random name for one reply."""
    return secrets.token_hex(16)


def put_reply(connection: redis.Redis, reply: str, answer: Any) -> None:
    """Send the reply, as JSON."""
    push_briefly(connection, _key(reply), json.dumps(answer), KEPT)


def await_reply(connection: redis.Redis, reply: str, seconds: float) -> Any:
    """Wait for the reply and remove it; None if none arrives within so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        wait = max(0.01, min(READ, left))  # in Redis, 0 means forever
        found = cast("list[bytes] | None", connection.blpop([_key(reply)], timeout=wait))
        if found is not None:
            return json.loads(found[1])
    return None


def _key(reply: str) -> str:
    return f"dejabug:reply:{reply}"

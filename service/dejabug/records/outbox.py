"""The outbox: issues that must be read, kept until that is done, so that no lost job goes
unnoticed."""

from __future__ import annotations

import time

import redis
from redis.client import Pipeline

from dejabug.index import text_of

# Issues that must be read after a webhook or during a backfill → since when (Unix seconds).
PENDING = "dejabug:pending"
# The same issues → the trace id, which is also used if the job is lost and queued again.
PENDING_TRACES = "dejabug:pending-traces"
# The set of those that may get a comment after that.
PENDING_WATCHED = "dejabug:pending-watched"
# Removes an entry unless it was renewed since: `ARGV` are the issue's id and Unix seconds.
KEEP = """
local promised = redis.call('ZSCORE', KEYS[1], ARGV[1])
if promised and tonumber(promised) <= tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('SREM', KEYS[3], ARGV[1])
end
"""


class Outbox:
    """The entries in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def add(self, issue_id: str, trace: str, pipeline: Pipeline, *, watch: bool) -> None:
        """Add an issue that must be read, or renew it, with a trace id. `watch`: it may get a
        comment after that."""
        pipeline.zadd(PENDING, {issue_id: time.time()})
        pipeline.hset(PENDING_TRACES, issue_id, trace)
        if watch:
            pipeline.sadd(PENDING_WATCHED, issue_id)

    def older_than(self, seconds: float) -> list[str]:
        """Issues that have waited for longer than this."""
        oldest = time.time() - seconds
        return [text_of(member) for member in self._redis.zrangebyscore(PENDING, 0, oldest)]

    def trace(self, issue_id: str) -> str:
        """The trace id of an issue's entry, or an empty string."""
        return text_of(self._redis.hget(PENDING_TRACES, issue_id))

    def watches(self, issue_id: str) -> bool:
        """Whether this issue may get a comment after it was read."""
        return bool(self._redis.sismember(PENDING_WATCHED, issue_id))

    def acknowledge(self, issue_id: str, before: float) -> None:
        """Remove an issue that was read, unless its entry was renewed since `before` (Unix
        seconds)."""
        script = self._redis.register_script(KEEP)
        script(keys=[PENDING, PENDING_TRACES, PENDING_WATCHED], args=[issue_id, repr(before)])

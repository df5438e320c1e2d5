"""Issues that were promised to be looked at, until that is done: what finds even a lost job."""

from __future__ import annotations

import time

import redis
from redis.client import Pipeline

from dejabug.index import text_of

# Issues that a webhook or a backfill has promised to look at → when (Unix seconds).
PENDING = "dejabug:pending"
# The same issues → the trace of the promise, so that even a lost job goes on under it.
PENDING_TRACES = "dejabug:pending-traces"
# Those of them that may get a comment from then on, a set.
PENDING_WATCHED = "dejabug:pending-watched"
# Takes a promise back, unless it was renewed since: `ARGV` are the issue's id and Unix seconds.
KEEP = """
local promised = redis.call('ZSCORE', KEYS[1], ARGV[1])
if promised and tonumber(promised) <= tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('SREM', KEYS[3], ARGV[1])
end
"""


class Outbox:
    """The promises in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def add(self, issue_id: str, trace: str, pipeline: Pipeline, *, watch: bool) -> None:
        """Promise to look at an issue, or again, under a trace. `watch`: it may get a comment from
        then on, which holds until the promise is kept."""
        pipeline.zadd(PENDING, {issue_id: time.time()})
        pipeline.hset(PENDING_TRACES, issue_id, trace)
        if watch:
            pipeline.sadd(PENDING_WATCHED, issue_id)

    def older_than(self, seconds: float) -> list[str]:
        """Issues that were promised to be looked at longer ago than that, and were not."""
        oldest = time.time() - seconds
        return [text_of(member) for member in self._redis.zrangebyscore(PENDING, 0, oldest)]

    def trace(self, issue_id: str) -> str:
        """The trace under which an issue was promised to be looked at, empty where none is kept."""
        return text_of(self._redis.hget(PENDING_TRACES, issue_id))

    def watches(self, issue_id: str) -> bool:
        """Whether this issue was promised a look after which it may get a comment."""
        return bool(self._redis.sismember(PENDING_WATCHED, issue_id))

    def acknowledge(self, issue_id: str, before: float) -> None:
        """The promise to look at this issue is kept, unless it was renewed since `before` (Unix
        seconds)."""
        script = self._redis.register_script(KEEP)
        script(keys=[PENDING, PENDING_TRACES, PENDING_WATCHED], args=[issue_id, repr(before)])

"""Rate limits: a token bucket in Redis, shared by all processes."""

from __future__ import annotations

from typing import cast

import redis

# A bucket holds a minute's requests and refills evenly. It uses Redis's clock, so that several web
# processes agree, and a single script, so that two requests never take the same token. It also
# works while Redis is full. Returns the milliseconds to wait, 0 if the request is allowed.
TAKE = """#!lua flags=allow-oom
local most = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(kept[1]) or most
local at = tonumber(kept[2]) or now
local each = 60000 / most
left = math.min(most, left + math.max(0, now - at) / each)
local wait = 0
if left >= 1 then left = left - 1 else wait = math.ceil((1 - left) * each) end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', now)
redis.call('PEXPIRE', KEYS[1], 60000)
return wait
"""


def take(connection: redis.Redis, who: str, per_minute: int) -> float:
    """Count one request of `who`. Returns the seconds to wait, 0.0 if the request is allowed."""
    script = connection.register_script(TAKE)
    return cast(int, script(keys=[f"dejabug:rate:{who}"], args=[per_minute])) / 1000

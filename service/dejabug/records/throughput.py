"""How fast clips are indexed here: a running mean in Redis, and estimates for many clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from dejabug.index import slug_of

# After this many clips, the older ones count half. So a new graphics card or other footage shows
# after some hundred clips.
MEMORY = 500
# Assumptions before the first measurement: two shared cores, half a minute of 1080p, a download at
# 10 MB/s. Seconds per clip and per byte.
ASSUMED_SECONDS = 5.0
ASSUMED_SECONDS_PER_BYTE = 1e-7


@dataclass(frozen=True)
class Estimate:
    """An estimate in seconds, from `low` to `high`; `measured`: the number of this installation's
    clips it is based on, 0 for an assumption."""

    low: float
    high: float
    measured: int


class Throughput:
    """The throughput of one encoder over all workers: seconds and bytes of the indexed clips."""

    def __init__(self, connection: redis.Redis, encoder: str) -> None:
        self._redis = connection
        self._key = f"dejabug:pace:{slug_of(encoder)}"

    def record(self, seconds: float, size: int) -> None:
        """Count a clip of `size` bytes that a worker indexed in `seconds`, download included."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(self._key, "clips", 1)
            pipe.hincrbyfloat(self._key, "seconds", seconds)
            pipe.hincrby(self._key, "bytes", size)
            clips, all_seconds, all_bytes = pipe.execute()
            if int(clips) > MEMORY:
                # Two workers may halve at the same time, which only shortens the memory.
                pipe.hset(self._key, "clips", clips // 2)
                pipe.hset(self._key, "seconds", all_seconds / 2)
                pipe.hset(self._key, "bytes", all_bytes // 2)
                pipe.execute()

    def estimate(self, clips: int, size: int | None, workers: int) -> Estimate:
        """How long `workers` workers, at least one, need for clips of `size` bytes in total.

        The range spans two estimates: by the seconds per clip so far, and by the seconds per byte.
        If the size is unknown (None), only the first is used.
        """
        done, seconds, done_bytes = self.measured()
        if done:
            guesses = [clips * seconds / done]
            if done_bytes and size is not None:
                guesses.append(size * seconds / done_bytes)
        else:
            assumed = clips * ASSUMED_SECONDS
            guesses = [assumed, assumed + (size or 0) * ASSUMED_SECONDS_PER_BYTE]
        share = max(workers, 1)
        return Estimate(min(guesses) / share, max(guesses) / share, done)

    def begin_with(self, clips: int, seconds: float, size: int) -> None:
        """Start with an earlier measurement, if nothing was measured yet."""
        if clips and not self.measured()[0]:
            row: dict[Any, Any] = {"clips": clips, "seconds": seconds, "bytes": size}
            self._redis.hset(self._key, mapping=row)

    def measured(self) -> tuple[int, float, int]:
        """The number of clips in the mean, and their seconds and bytes."""
        clips, seconds, size = self._redis.hmget(self._key, ["clips", "seconds", "bytes"])
        return int(clips or 0), float(seconds or 0), int(size or 0)

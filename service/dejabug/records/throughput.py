"""How fast clips are embedded here: a running mean in Redis, and what it means for many clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from dejabug.index import slug_of

# Clips that the mean looks back on: beyond it, what is older counts half. A new graphics card or
# other footage shows after some hundred clips.
MEMORY = 500
# Assumed before anything was measured: two shared cores, half a minute of 1080p, a download at
# 10 MB/s. Seconds per clip, and per byte.
ASSUMED_SECONDS = 5.0
ASSUMED_SECONDS_PER_BYTE = 1e-7


@dataclass(frozen=True)
class Estimate:
    """Seconds that clips will take, from `low` to `high`; `measured` is how many clips of this
    installation it rests on, 0 for a mere assumption."""

    low: float
    high: float
    measured: int


class Throughput:
    """The pace of one encoder, over all workers: seconds and bytes of the clips they did."""

    def __init__(self, connection: redis.Redis, encoder: str) -> None:
        self._redis = connection
        self._key = f"dejabug:pace:{slug_of(encoder)}"

    def record(self, seconds: float, size: int) -> None:
        """A worker has done a clip of `size` bytes, download included, in `seconds`."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(self._key, "clips", 1)
            pipe.hincrbyfloat(self._key, "seconds", seconds)
            pipe.hincrby(self._key, "bytes", size)
            clips, all_seconds, all_bytes = pipe.execute()
            if int(clips) > MEMORY:
                # Two workers at once may both halve, which only makes the memory shorter.
                pipe.hset(self._key, "clips", clips // 2)
                pipe.hset(self._key, "seconds", all_seconds / 2)
                pipe.hset(self._key, "bytes", all_bytes // 2)
                pipe.execute()

    def estimate(self, clips: int, size: int | None, workers: int) -> Estimate:
        """How long `workers` workers, at least one, will take for clips of `size` bytes in all.

        Two guesses span the range: as many seconds per clip as before, and as many per byte. Where
        the size is not known (None), the clips are taken to be like those before.
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
        """Go on from a measurement of before, where nothing was measured since."""
        if clips and not self.measured()[0]:
            row: dict[Any, Any] = {"clips": clips, "seconds": seconds, "bytes": size}
            self._redis.hset(self._key, mapping=row)

    def measured(self) -> tuple[int, float, int]:
        """The clips that the mean looks back on, and their seconds and bytes."""
        clips, seconds, size = self._redis.hmget(self._key, ["clips", "seconds", "bytes"])
        return int(clips or 0), float(seconds or 0), int(size or 0)

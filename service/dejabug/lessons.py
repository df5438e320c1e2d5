"""What a studio's verdicts have taught, kept in Redis beside the encoder that it belongs to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import redis

from dejabug.index import slug_of
from dejabug.ranking import Calibration, Calibrations


@dataclass(frozen=True)
class Lessons:
    """Refitted calibrations; None: as shipped."""

    calibrations: Calibrations | None = None


def read_lessons(connection: redis.Redis, encoder: str) -> Lessons:
    """What was learned for an encoder; nothing where nothing was. What an earlier version learned
    was of another score, and counts no more."""
    weights = connection.hget(_key(encoder), "weights")
    if not weights:
        return Lessons()
    found: dict[str, dict[str, float]] = json.loads(weights)
    frames, with_words = (Calibration(**found[name]) for name in ("frames", "with_words"))
    return Lessons(Calibrations(frames, with_words))


def write_lessons(connection: redis.Redis, encoder: str, lessons: Lessons) -> None:
    """Keep these lessons for an encoder, in place of all earlier ones."""
    fields: dict[Any, Any] = {}
    if lessons.calibrations is not None:
        fields["weights"] = json.dumps(
            {
                "frames": asdict(lessons.calibrations.frames),
                "with_words": asdict(lessons.calibrations.with_words),
            }
        )
    with connection.pipeline(transaction=True) as pipe:
        pipe.delete(_key(encoder))
        if fields:
            pipe.hset(_key(encoder), mapping=fields)
        pipe.execute()


def _key(encoder: str) -> str:
    return f"dejabug:lessons:{slug_of(encoder)}"

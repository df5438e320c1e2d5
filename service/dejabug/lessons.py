"""What a studio's verdicts have taught, kept in Redis beside the encoder that it belongs to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import redis

from dejabug.index import slug_of
from dejabug.ranking import Calibration, Calibrations, Floats


@dataclass(frozen=True)
class Lessons:
    """Refitted calibrations and a projection float32 [d, k] of vectors; None: as shipped."""

    calibrations: Calibrations | None = None
    projection: Floats | None = None


def read_lessons(connection: redis.Redis, encoder: str) -> Lessons:
    """What was learned for an encoder; nothing where nothing was."""
    curves, shape, numbers = connection.hmget(_key(encoder), ["curves", "shape", "projection"])
    calibrations = projection = None
    if curves:
        frames, with_words = (Calibration(**curve) for curve in json.loads(curves))
        calibrations = Calibrations(frames, with_words)
    if shape and isinstance(numbers, bytes):
        rows, columns = json.loads(shape)
        projection = np.frombuffer(numbers, np.float32).reshape(rows, columns)
    return Lessons(calibrations, projection)


def write_lessons(connection: redis.Redis, encoder: str, lessons: Lessons) -> None:
    """Keep these lessons for an encoder, in place of all earlier ones."""
    fields: dict[Any, Any] = {}
    if lessons.calibrations is not None:
        curves = (lessons.calibrations.frames, lessons.calibrations.with_words)
        fields["curves"] = json.dumps([asdict(curve) for curve in curves])
    if lessons.projection is not None:
        fields["shape"] = json.dumps(lessons.projection.shape)
        fields["projection"] = lessons.projection.astype(np.float32).tobytes()
    with connection.pipeline(transaction=True) as pipe:
        pipe.delete(_key(encoder))
        if fields:
            pipe.hset(_key(encoder), mapping=fields)
        pipe.execute()


def _key(encoder: str) -> str:
    return f"dejabug:lessons:{slug_of(encoder)}"

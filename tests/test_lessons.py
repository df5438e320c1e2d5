"""What verdicts have taught, kept in Redis."""

from __future__ import annotations

import numpy as np
import redis

from dejabug.lessons import Lessons, read_lessons, write_lessons
from dejabug.ranking import Calibration, Calibrations


def test_lessons_come_back_as_they_were_and_belong_to_one_encoder(store: redis.Redis) -> None:
    projection = np.arange(12, dtype=np.float32).reshape(4, 3)
    curves = Calibrations(Calibration(3.0, 1.0), Calibration(4.0, -1.0))
    write_lessons(store, "clip:a", Lessons(curves, projection))
    found = read_lessons(store, "clip:a")
    assert found.calibrations == curves
    assert found.projection is not None
    assert np.array_equal(found.projection, projection)
    assert read_lessons(store, "clip:b") == Lessons()


def test_new_lessons_replace_all_of_the_old(store: redis.Redis) -> None:
    write_lessons(store, "e", Lessons(None, np.ones((2, 2), np.float32)))
    write_lessons(store, "e", Lessons(Calibrations(), None))
    assert read_lessons(store, "e") == Lessons(Calibrations(), None)
    write_lessons(store, "e", Lessons())
    assert read_lessons(store, "e") == Lessons()

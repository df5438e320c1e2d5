"""Unit vectors and their times, for indexes without an encoder."""

from __future__ import annotations

import numpy as np
import pytest
import redis

from dejabug.index import ClipLocation, FrameIndex

DIMENSIONS = 16
HOME = ClipLocation("1", "GAME", "Racer")


def unit(count: int, seed: int = 0) -> np.ndarray:
    """Random unit vectors, float32 [count, DIMENSIONS]."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def times(count: int) -> np.ndarray:
    """The times of so many frames, two a second, float32 [count]."""
    return np.arange(count, dtype=np.float32) / 2


@pytest.fixture
def frames(store: redis.Redis) -> FrameIndex:
    """An empty index of frames, of vectors with DIMENSIONS dimensions."""
    return FrameIndex(store, "test", DIMENSIONS)

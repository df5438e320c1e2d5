"""Caches what the suite computes: a clip's sampled frames, and the starter encoder's vectors.

Many tests read the same few clips. The suite's processes and all their forks share the results:
one file per entry, in a folder of this run. The cached values come from the real ffmpeg and
model; tests of either use the real one.
"""

from __future__ import annotations

import fcntl
import hashlib
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dejabug import media
from dejabug.encoders import Encoder, Floats, Pixels

# Names the run's folder to forked processes.
FOLDER = "TESTS_REMEMBERED_IN"
T = TypeVar("T")


class Memory:
    """Results by what they were computed from, in a folder that several processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def recall(self, key: object, compute: Callable[[], T]) -> T:
        """The cached result for this key (compared by its `repr`), or `compute()`, then cached.
        What raises is not kept. While one process computes it, the others wait for it."""
        path = self._folder / hashlib.sha256(repr(key).encode()).hexdigest()
        if not path.exists():
            with path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    found = compute()
                    part = path.with_suffix(".part")
                    part.write_bytes(pickle.dumps(found, protocol=5))
                    part.rename(path)  # whole or not there
                    return found
        kept: T = pickle.loads(path.read_bytes())  # noqa: S301 (our own)
        return kept


class Remembering:
    """An encoder that embeds nothing twice, and gives another encoder's own vectors."""

    def __init__(self, encoder: Encoder, memory: Memory) -> None:
        self._encoder = encoder
        self._memory = memory
        self.name = encoder.name
        self.label = encoder.label
        self.dimensions = encoder.dimensions
        self.image_size = encoder.image_size

    def embed_images(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, dimensions], unit rows."""
        key = (self.name, pixels.shape, str(pixels.dtype), _digest(pixels.tobytes()))
        return self._memory.recall(key, lambda: self._encoder.embed_images(pixels))

    def embed_patches(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, rows, columns, d], unit patches."""
        key = ("patches", self.name, pixels.shape, _digest(pixels.tobytes()))
        return self._memory.recall(key, lambda: self._encoder.embed_patches(pixels))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """n texts → float32 [n, dimensions], unit rows."""
        key = (self.name, list(texts))
        return self._memory.recall(key, lambda: self._encoder.embed_texts(texts))


def remember_frames(memory: Memory) -> Callable[..., media.Frames]:
    """`media.sample_frames` that samples no file twice with the same arguments."""
    sample = media.sample_frames

    def sample_once(path: Path, **options: Any) -> media.Frames:
        if not path.is_file():
            return sample(path, **options)
        key = ("frames", _digest(path.read_bytes()), sorted(options.items()))
        return memory.recall(key, lambda: sample(path, **options))

    return sample_once


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

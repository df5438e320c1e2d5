"""A clip's grey signature as one field of its hash in Redis."""

from __future__ import annotations

import zlib

import numpy as np

from dejabug.index.queries import BadVectorsError
from dejabug.ranking import Signature

# The field of a clip's hash. Only `FrameIndex.signatures` reads it: no search loads these bytes.
FIELD = "signature"
SIDE = 12
# The longest analysed part of a clip, half an hour, has 7,200 images: 1.1 MB before packing.
MOST_PICTURES = 8_000


def pack(signature: Signature) -> bytes:
    """A signature as bytes: zlib over all times (float32, little-endian), then all images.

    Packing reduces the demo's clips to 61 %. Raises BadVectorsError.
    """
    times, pictures = signature.times, signature.pictures
    if pictures.dtype != np.uint8 or pictures.shape != (len(times), SIDE, SIDE):
        raise BadVectorsError(
            f"expected a signature of uint8 [{len(times)}, {SIDE}, {SIDE}], one image per time, "
            f"got {pictures.dtype} {pictures.shape}"
        )
    if len(times) > MOST_PICTURES:
        raise BadVectorsError(
            f"expected a signature of at most {MOST_PICTURES:,} images, got {len(times):,}"
        )
    if not np.isfinite(times).all():
        raise BadVectorsError("the times of a signature are not finite")
    return zlib.compress(times.astype("<f4").tobytes() + pictures.tobytes())


def unpack(packed: bytes) -> Signature:
    """The signature in these bytes, as `pack` made them."""
    raw = zlib.decompress(packed)
    count = len(raw) // (4 + SIDE * SIDE)
    times = np.frombuffer(raw, "<f4", count).astype(np.float32)
    pictures = np.frombuffer(raw, np.uint8, offset=4 * count).reshape(count, SIDE, SIDE)
    return Signature(times, pictures)

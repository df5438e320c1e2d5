"""Where an encoder's vectors are seen from: the mean of pictures, and of tickets, of many games.

The vectors of any encoder crowd around one direction, which says nothing about what is seen; it is
taken off before two are compared. It must be the same for all pairs and for all time, so it is
measured once, on pictures and tickets that come with the package: frames of the demo's games, and
tickets of our own that tell of bugs in games of many kinds.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
from PIL import Image

from dejabug.encoders.base import Encoder, Floats, Pixels

# Every so many of the pictures tells where patches are seen from: a picture has hundreds of them.
SOME = 4
# Pictures in a row of the sheet, and their sides in pixels.
ACROSS, SIDE = 8, 192


def origins_of(encoder: Encoder) -> tuple[Floats, Floats]:
    """The origins of an encoder's pictures and texts, float32 [dimensions] each. Those of the
    starter encoder come with the package; another's are measured."""
    return shipped_origins(encoder.name, encoder.dimensions) or measure_origins(encoder)


def shipped_origins(name: str, dimensions: int) -> tuple[Floats, Floats] | None:
    """The origins of an encoder of this name, where they come with the package."""
    file = resources.files("dejabug.encoders") / "starter_origins.npz"
    with file.open("rb") as opened:
        shipped = np.load(opened)
        if str(shipped["name"]) == name and shipped["pictures"].size == dimensions:
            return shipped["pictures"].astype(np.float32), shipped["words"].astype(np.float32)
    return None


def measure_origins(encoder: Encoder) -> tuple[Floats, Floats]:
    """The same, measured: takes as long as embedding 64 pictures and 64 texts."""
    pictures = encoder.embed_images(reference_pictures()).mean(axis=0, dtype=np.float32)
    texts = encoder.embed_texts(reference_tickets()).mean(axis=0, dtype=np.float32)
    return pictures, texts


def patch_origin(encoder: Encoder) -> Floats:
    """The same for patches, float32 [d]: what all patches have in common. Takes as long as 16
    pictures. Raises EncoderError for a model that does not tell of patches."""
    patches = encoder.embed_patches(reference_pictures()[::SOME])
    origin: Floats = patches.mean(axis=(0, 1, 2), dtype=np.float32)
    return origin


def reference_pictures() -> Pixels:
    """The pictures, uint8 [64, 192, 192, 3]."""
    file = resources.files("dejabug.encoders") / "reference_pictures.jpg"
    with file.open("rb") as opened, Image.open(opened) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    tiles = pixels.reshape(ACROSS, SIDE, ACROSS, SIDE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, SIDE, SIDE, 3))


def reference_tickets() -> list[str]:
    """The tickets' words."""
    file = resources.files("dejabug.encoders") / "reference_tickets.txt"
    return file.read_text(encoding="utf-8").splitlines()

"""An encoder's origins: the mean vector of images, and of tickets, from many games.

The vectors of any encoder cluster around one direction that says nothing about the content. It is
subtracted before two vectors are compared. It has to be the same for all pairs at all times, so it
is measured once, on images and tickets that ship with the package: frames of the demo's games, and
tickets that we wrote about bugs in many kinds of games.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
from PIL import Image

from dejabug.encoders.base import Encoder, Floats, Pixels

# Use every n-th image to measure the patches' origin: one image has hundreds of patches.
SOME = 4
# Images per row of the contact sheet, and their sides in pixels.
ACROSS, SIDE = 8, 192


def origins_of(encoder: Encoder) -> tuple[Floats, Floats]:
    """The origins of an encoder's images and texts, float32 [dimensions] each. Those of the starter
    encoder ship with the package; for any other encoder they are measured."""
    return shipped_origins(encoder.name, encoder.dimensions) or measure_origins(encoder)


def shipped_origins(name: str, dimensions: int) -> tuple[Floats, Floats] | None:
    """The origins of the encoder with this name, if they ship with the package."""
    file = resources.files("dejabug.encoders") / "starter_origins.npz"
    with file.open("rb") as opened:
        shipped = np.load(opened)
        if str(shipped["name"]) == name and shipped["pictures"].size == dimensions:
            return shipped["pictures"].astype(np.float32), shipped["words"].astype(np.float32)
    return None


def measure_origins(encoder: Encoder) -> tuple[Floats, Floats]:
    """Measure the origins. Takes as long as embedding 64 images and 64 texts."""
    pictures = encoder.embed_images(reference_pictures()).mean(axis=0, dtype=np.float32)
    texts = encoder.embed_texts(reference_tickets()).mean(axis=0, dtype=np.float32)
    return pictures, texts


def patch_origin(encoder: Encoder) -> Floats:
    """The patches' origin, float32 [d]: what all patches have in common. Takes as long as embedding
    16 images. Raises EncoderError for a model that has no patches."""
    patches = encoder.embed_patches(reference_pictures()[::SOME])
    origin: Floats = patches.mean(axis=(0, 1, 2), dtype=np.float32)
    return origin


def reference_pictures() -> Pixels:
    """The reference images, uint8 [64, 192, 192, 3]."""
    file = resources.files("dejabug.encoders") / "reference_pictures.jpg"
    with file.open("rb") as opened, Image.open(opened) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    tiles = pixels.reshape(ACROSS, SIDE, ACROSS, SIDE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, SIDE, SIDE, 3))


def reference_tickets() -> list[str]:
    """The texts of the reference tickets."""
    file = resources.files("dejabug.encoders") / "reference_tickets.txt"
    return file.read_text(encoding="utf-8").splitlines()

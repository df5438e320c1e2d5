"""The interface of every encoder: images and texts as unit vectors in one shared space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from dejabug.infra.errors import UserError

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Crop = Literal["center", "squash", "two"]


class EncoderError(UserError):
    """The encoder cannot be loaded or used; the message says what to do."""


class Encoder(Protocol):
    """Images and texts → unit vectors in one shared space, so that a text can find images.

    `name` identifies the vectors: two encoders with the same name give the same vectors, and each
    index belongs to one name. `label` is for people: model, precision and device in use.
    """

    name: str
    label: str
    dimensions: int
    image_size: int

    def embed_images(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, dimensions], each row of length one."""
        ...

    def embed_patches(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, rows, columns, d], each patch of length one
        (or 0 where there is nothing). The patches form a grid over the whole frame, whatever the
        crop of `embed_images`; compare their vectors only with each other.

        Raises EncoderError for a model that has no patches.
        """
        ...

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """n texts → float32 [n, dimensions], each row of length one."""
        ...


def check_pixels(pixels: Pixels) -> None:
    """Raises ValueError unless `pixels` is a non-empty uint8 batch of RGB images."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3 or 0 in pixels.shape:
        raise ValueError(f"expected uint8 pixels [n, h, w, 3], got {pixels.dtype} {pixels.shape}")

"""The joint space of words and frames in the `starter` encoder: linear maps learned offline.

Three small matrices, made by `python -m tools.text_map` and shipped as `starter_text.npz`:

- `seeing` [384, 1280]: pooled visual features → the space of sentence embeddings, by ridge
  regression from the names of the ImageNet classes to the classifier's weights (linear,
  closed-form zero-shot learning: Romera-Paredes & Torr, "An embarrassingly simple approach to
  zero-shot learning", ICML 2015);
- `colours` [384, 64]: sentence embeddings → a palette of 64 colours, by ridge regression from the
  colour names of the xkcd survey. ImageNet's classes name things, but not whether something is
  dark, grassy or blue, which is most of what distinguishes places in a game;
- `palette` [64, 3]: those colours, in CIE L*a*b* (D65).

A joint vector has a meaning part (384) and a colour part (64). For frames, colour takes most of the
length; for texts, meaning does. Their product weighs both about equally, and texts still compare
with texts nearly as in MiniLM alone.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dejabug.encoders.tensors import unit

WEIGHTS = "starter_text.npz"
# Shares of colour in the squared length of a frame's and of a text's joint vector.
FRAME_COLOUR = 0.75
TEXT_COLOUR = 0.1
# Colours are measured on an image of this side (pixels): enough to find each colour's share.
COLOUR_SIDE = 16
# How fast a palette colour's share falls with distance, in L*a*b* units; neighbours are ~13 apart.
SPREAD = 12.0

# sRGB (IEC 61966-2-1) → CIE XYZ with D65 white at (1, 1, 1).
_XYZ = (
    (0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505),
    (0.2126, 0.7152, 0.0722),
    (0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089),
)


class TextMap:
    """The shipped maps on one device. Raises OSError or KeyError on a broken weights file."""

    def __init__(self, device: torch.device) -> None:
        file = resources.files("dejabug.encoders") / WEIGHTS
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            kept = {name: arrays[name].astype(np.float32) for name in arrays.files}
        self._seeing, self._colours, self._palette, self._centre = (
            torch.from_numpy(kept[name]).to(device)
            for name in ("seeing", "colours", "palette", "centre")
        )
        self.dimensions = int(self._seeing.shape[0] + self._colours.shape[1])

    def frames(self, features: Tensor, squares: Tensor) -> Tensor:
        """Pooled features [n, 1280] and their images [n, 3, h, w] in 0-1 → unit [n, 448]."""
        meaning = unit(features @ self._seeing.T)
        # Square roots of shares: of length one, and their dot product is the Bhattacharyya
        # coefficient.
        shares = palette_shares(squares, self._palette).sqrt()
        return _join(meaning, shares, FRAME_COLOUR)

    def texts(self, sentences: Tensor) -> Tensor:
        """Sentence embeddings [n, 384] → unit [n, 448]."""
        # What all class names have in common says nothing about an image.
        centred = sentences - self._centre
        return _join(unit(centred), unit(centred @ self._colours), TEXT_COLOUR)


def palette_shares(squares: Tensor, palette: Tensor) -> Tensor:
    """Images [n, 3, h, w] in 0-1 → the share of each colour in each, [n, colours], rows sum to 1.

    Each pixel of a small version is divided among the palette by a Gaussian of its distance.
    """
    small = functional.interpolate(squares.float(), size=(COLOUR_SIDE, COLOUR_SIDE), mode="area")
    pixels = to_lab(small.clamp(0, 1).permute(0, 2, 3, 1).flatten(1, 2))
    distances = (pixels.unsqueeze(2) - palette).square().sum(-1)
    return (-distances / (2 * SPREAD**2)).softmax(-1).mean(1)


def to_lab(rgb: Tensor) -> Tensor:
    """sRGB [..., 3] in 0-1 → CIE L*a*b* [..., 3] (CIE 15:2004, D65): L* 0-100, a*, b* ±128."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ torch.tensor(_XYZ, device=rgb.device, dtype=rgb.dtype).T
    dark = (6 / 29) ** 3
    roots = torch.where(
        xyz > dark, xyz.clamp_min(dark) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29
    )
    x, y, z = roots.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def _join(meaning: Tensor, colour: Tensor, share: float) -> Tensor:
    return unit(torch.cat([meaning * (1 - share) ** 0.5, colour * share**0.5], dim=1))

"""What the encoders share in torch: device, precision, square crops, batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dejabug.encoders.base import Crop, EncoderError, Pixels

# A frame narrower than this needs no second crop: both would show the same.
NEARLY_SQUARE = 1.1


def pick_device(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device to run on. Raises EncoderError when CUDA is requested but not available."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EncoderError(
            "DEJABUG_DEVICE is cuda, but torch finds no CUDA device. Install a CUDA build of torch "
            "and the NVIDIA driver, or set DEJABUG_DEVICE=auto to allow the CPU."
        )
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def pick_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware supports it natively (2-3 times as fast), else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float32
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def describe_device(device: torch.device, dtype: torch.dtype) -> str:
    """E.g. `cpu, bfloat16` or `NVIDIA L4, bfloat16`."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{where}, {str(dtype).removeprefix('torch.')}"


def squares(batch: Tensor, size: int, crop: Crop) -> list[Tensor]:
    """Frames, float [n, 3, h, w] in 0-1 → one or two batches of squares [n, 3, size, size].

    `center` keeps the middle (CLIP's default, which loses 44 % of a 16:9 frame), `squash` keeps
    everything but distorts the proportions, `two` takes the squares at both ends of the long side.
    """
    height, width = batch.shape[-2:]
    if crop == "squash":
        return [_resize(batch, size)]
    side = min(height, width)
    if crop == "two" and max(height, width) > NEARLY_SQUARE * side:
        ends = (batch[..., :side, :side], batch[..., height - side :, width - side :])
        return [_resize(end, size) for end in ends]
    top, left = (height - side) // 2, (width - side) // 2
    return [_resize(batch[..., top : top + side, left : left + side], size)]


def batches(pixels: Pixels, size: int) -> Iterator[Tensor]:
    """uint8 [n, h, w, 3] → float32 [≤ size, 3, h, w] in 0-1, in order."""
    for start in range(0, len(pixels), size):
        chunk = torch.from_numpy(np.ascontiguousarray(pixels[start : start + size]))
        yield chunk.permute(0, 3, 1, 2).float() / 255


def unit(vectors: Tensor) -> Tensor:
    """Rows scaled to length one, in float32."""
    return functional.normalize(vectors.float(), dim=-1)


def _resize(batch: Tensor, size: int) -> Tensor:
    if batch.shape[-2:] == (size, size):
        return batch
    resized = functional.interpolate(
        batch, size=(size, size), mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(0, 1)

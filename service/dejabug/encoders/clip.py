"""The `clip` encoder: any dual encoder from transformers (CLIP, SigLIP and similar models).

ffmpeg has already scaled the frames. What remains is to crop them square, normalise them with the
model's mean and standard deviation, and run one batched forward pass. So this needs no image
processor class and no torchvision.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.image_processing_base import ImageProcessingMixin

from dejabug.encoders.base import Crop, EncoderError, Floats, Pixels, check_pixels
from dejabug.encoders.tensors import (
    batches,
    describe_device,
    pick_device,
    pick_dtype,
    squares,
    unit,
)

# These families pad texts to one length and read the padding along with the words, as in their
# training (big_vision's text tower has no padding mask, nor has open_clip's).
PADDED_TO_LENGTH = ("siglip", "siglip2")
# Images whose patches are in device memory at once: in a large model, each takes megabytes.
PATCHED_AT_ONCE = 4


class ClipEncoder:
    """A dual encoder from transformers, by hub name or local folder.

    Raises EncoderError when the model cannot be loaded or has no text and image towers. The service
    never falls back to another encoder by itself.
    """

    def __init__(
        self,
        model: str = "openai/clip-vit-base-patch32",
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        dtype: torch.dtype | None = None,
        crop: Crop = "squash",
        batch_size: int = 32,
    ) -> None:
        self._device = pick_device(device)
        self._dtype = dtype or pick_dtype(self._device)
        self._crop: Crop = crop
        self._batch_size = batch_size
        try:
            config = AutoConfig.from_pretrained(model)
            self._model = AutoModel.from_pretrained(model, dtype=self._dtype)
            self._tokenizer = AutoTokenizer.from_pretrained(model)
            processing, _ = ImageProcessingMixin.get_image_processor_dict(model)
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"cannot load the model {model!r} ({type(error).__name__}: {error}). Check "
                "DEJABUG_CLIP_MODEL (a hub name or a local folder) and the connection to the model "
                "hub, or set DEJABUG_ENCODER=starter, which needs no hub."
            ) from error
        if not hasattr(self._model, "get_image_features"):
            raise EncoderError(
                f"the model {model!r} is not a dual encoder: it needs an image tower and a text "
                "tower that share one space. Choose another DEJABUG_CLIP_MODEL."
            )
        self._model.to(self._device).eval().requires_grad_(False)
        vision = config.vision_config
        self.image_size = int(vision.image_size)
        self._mean = self._channel_values(processing["image_mean"])
        self._std = self._channel_values(processing["image_std"])
        self._text_options = _text_options(config)
        # Tokenizers are not safe to use from two threads at once.
        self._reading = threading.Lock()
        self.name = f"clip:{model}@{crop}"
        self.label = f"{model} ({describe_device(self._device, self._dtype)})"
        self.dimensions = int(self.embed_texts(["a"]).shape[1])

    def embed_images(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, dimensions], unit rows."""
        check_pixels(pixels)
        found = []
        with torch.inference_mode():
            for batch in batches(pixels, self._batch_size):
                views = squares(batch.to(self._device), self.image_size, self._crop)
                features = [unit(self._image_features(view)) for view in views]
                found.append(unit(torch.stack(features).mean(0)).cpu())
        return torch.cat(found).numpy()

    def embed_patches(self, pixels: Pixels) -> Floats:
        """RGB frames, uint8 [n, h, w, 3] → float32 [n, side, side, d], unit patches: the vision
        transformer's last hidden states, with the same projection as the pooled state, if any.

        Raises EncoderError for a model whose patches do not form a square grid.
        """
        check_pixels(pixels)
        found = []
        with torch.inference_mode():
            for batch in batches(pixels, min(self._batch_size, PATCHED_AT_ONCE)):
                (view,) = squares(batch.to(self._device), self.image_size, "squash")
                found.append(unit(self._patch_features(view)).cpu())
        return torch.cat(found).numpy()

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """n texts → float32 [n, dimensions], unit rows. Long texts are truncated."""
        if not texts:
            raise ValueError("no texts to embed")
        with self._reading, torch.inference_mode():
            tokens = self._tokenizer(
                list(texts), truncation=True, return_tensors="pt", **self._text_options
            ).to(self._device)
            found = _tensor(self._model.get_text_features(**tokens))
        return unit(found).cpu().numpy()

    def _image_features(self, view: Tensor) -> Tensor:
        values = ((view - self._mean) / self._std).to(self._dtype)
        return _tensor(self._model.get_image_features(pixel_values=values))

    def _patch_features(self, view: Tensor) -> Tensor:
        """Squares, float [n, 3, size, size] in 0-1 → the patches' features, [n, side, side, d]."""
        tower = getattr(self._model, "vision_model", None)
        if tower is None:
            raise EncoderError(f"{self.name} has no image patches, so it cannot draw a heat map")
        values = ((view - self._mean) / self._std).to(self._dtype)
        states = tower(pixel_values=values).last_hidden_state
        if hasattr(self._model, "visual_projection"):  # CLIP and similar: as for the pooled state
            states = self._model.visual_projection(tower.post_layernorm(states))
        side = math.isqrt(states.shape[1])
        # Anything left over comes before the patches: the class token.
        patches: Tensor = states[:, states.shape[1] - side * side :]
        return patches.reshape(len(patches), side, side, -1)

    def _channel_values(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=self._device).view(1, 3, 1, 1)


def _text_options(config: Any) -> dict[str, Any]:
    limit = int(getattr(config.text_config, "max_position_embeddings", 77))
    if config.model_type in PADDED_TO_LENGTH:
        return {"padding": "max_length", "max_length": limit, "return_attention_mask": False}
    return {"padding": True, "max_length": limit}


def _tensor(output: Any) -> Tensor:
    """The pooled features: transformers 5 wraps the tensor that version 4 returned in an object."""
    features = output if isinstance(output, Tensor) else output.pooler_output
    if not isinstance(features, Tensor):
        raise EncoderError(f"the model returned {type(output).__name__} instead of pooled features")
    return features

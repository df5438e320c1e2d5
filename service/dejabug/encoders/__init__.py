"""Images and texts → unit vectors in one shared space."""

from __future__ import annotations

from dejabug.encoders.base import Crop, Encoder, EncoderError, Floats, Pixels
from dejabug.encoders.origins import origins_of, patch_origin
from dejabug.settings import Settings

__all__ = [
    "Crop",
    "Encoder",
    "EncoderError",
    "Floats",
    "Pixels",
    "encoder_name",
    "load_encoder",
    "origins_of",
    "patch_origin",
    "use_one_core",
]


def encoder_name(settings: Settings) -> str:
    """The name of the configured encoder's vectors, without loading the model."""
    what = f"clip:{settings.clip_model}" if settings.encoder == "clip" else "starter:2"
    return f"{what}@{settings.frame_crop}"


def load_encoder(settings: Settings) -> Encoder:
    """Load the configured encoder (seconds). Raises EncoderError; never falls back to another."""
    # The model libraries take seconds to import: only a process that embeds pays for them.
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if settings.encoder == "clip":
        from dejabug.encoders.clip import ClipEncoder

        return ClipEncoder(
            settings.clip_model,
            device=settings.device,
            crop=settings.frame_crop,
            batch_size=settings.batch_size,
        )
    from dejabug.encoders.starter import StarterEncoder

    return StarterEncoder(
        device=settings.device, crop=settings.frame_crop, batch_size=settings.batch_size
    )


def use_one_core() -> None:
    """Make this thread embed on one CPU core from now on. For a few words, a second core nearly
    doubles the work without saving much time. Other threads keep their setting."""
    import torch

    torch.set_num_threads(1)

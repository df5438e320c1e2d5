"""What each forked `dejabug` process starts with: every module, and the starter encoder's weights.

The fork server (forks.py) imports this module once. It embeds nothing: a process that has run torch
in several threads must not be forked.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import torch

import dejabug.cli
import dejabug.cli.doctor
import dejabug.encoders.clip
import dejabug.web
import dejabug.worker.main  # noqa: F401 (loaded, not used here)
from dejabug import encoders, media, services
from dejabug.encoders import Encoder, starter
from dejabug.settings import Settings
from support.patience import be_patient
from support.remembering import FOLDER, Memory, Remembering, remember_frames

torch.set_num_threads(1)
be_patient()
# A process makes its own encoder, from weights that are loaded already.
starter._load_vision = functools.cache(starter._load_vision)
starter._load_reader = functools.cache(starter._load_reader)
starter.StarterEncoder()


def remember() -> None:
    """In a forked process: sample and embed nothing twice in this run of the suite."""
    memory = Memory(Path(os.environ[FOLDER]))

    def load_encoder(settings: Settings) -> Encoder:
        return Remembering(encoders.load_encoder(settings), memory)

    services.load_encoder = load_encoder
    media.sample_frames = remember_frames(memory)

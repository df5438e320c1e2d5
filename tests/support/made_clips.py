"""Clips that ffmpeg makes for a test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dejabug import media
from dejabug.media import find_ffmpeg

Make = Callable[..., Path]
# A lighter corner: a frame of one grey level alone shows nothing, and would be left out.
CORNER = "+40*lt(X,8)*lt(Y,6)"
H264 = ["-c:v", "libx264", "-bf", "3", "-qp", "0", "-color_range", "pc", "-pix_fmt", "yuvj420p"]


def coloured(seconds: int, size: str = "64x48", rate: int = 30) -> list[str]:
    """Arguments for a clip whose grey level shows the time: level = 10 x second + 20."""
    source = f"color=black:size={size}:rate={rate}:duration={seconds},format=gray"
    return ["-f", "lavfi", "-i", f"{source},geq=lum='20+10*floor(T+0.001){CORNER}'"]


def levels(frames: media.Frames) -> list[int]:
    """The second that each frame's grey level shows."""
    return [round((float(np.median(p)) - 20) / 10) for p in frames.pixels]


BLACK = "black or a single colour: there is nothing to compare"
LEFT_OUT = "6 of 12 frames are black or a single colour and were skipped"


@pytest.fixture
def black(tmp_path: Path) -> Path:
    """A black screenshot."""
    path = tmp_path / "black.png"
    Image.new("RGB", (320, 240)).save(path)
    return path


@pytest.fixture
def loading(tmp_path: Path) -> Path:
    """Three seconds of black, then three of a moving image."""
    path = tmp_path / "loading.mp4"
    sources = [
        word
        for source in ("color=black:s=320x240:r=10:d=3", "testsrc2=s=320x240:r=10:d=3")
        for word in ("-f", "lavfi", "-i", source)
    ]
    joined = ["-filter_complex", "[0][1]concat=n=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([find_ffmpeg(), "-v", "error", *sources, *joined], check=True)
    return path

"""A clip → its sampled frames: the right pictures at the right times, near-duplicates dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dejabug.media.ffmpeg import ClipError, Limits, find_ffmpeg, open_input, run
from dejabug.media.probe import Probe, probe

# Nearest to PIL's bicubic, which CLIP's training used (44.9 dB); no flag costs measurable time.
SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
# A long side keeps this many short sides at most; a longer panorama is squashed to it.
LONGEST_SIDE = 3
# Frames whose 32 x 32 grey thumbnails differ by less (mean of 0-255) from the last kept one are
# dropped: 63 % of an idle screen recording, none of moving play.
SAME_PICTURE = 0.75
THUMBNAIL = 32
# Codecs whose non-reference pictures can be skipped, which saves a third of the decoding; and the
# rate from which a picture more or less is a small matter (one is at most 1/20 s).
SKIPPABLE = frozenset({"h264", "hevc"})
SKIPPABLE_FPS = 20.0
# A file that ends this many sampling steps before its announced end is cut off.
MISSING_STEPS = 2.5


@dataclass(frozen=True)
class Frames:
    """Sampled frames: `times` float32 [n], seconds from the first picture; `pixels` uint8
    [n, h, w, 3], RGB, aspect kept. `dropped` near-duplicates are not among them. `duration` in
    seconds; `truncated` tells that the file ended too early or was damaged.
    """

    times: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.uint8]
    duration: float
    dropped: int
    truncated: bool


def sample_frames(
    path: Path,
    *,
    rate: float = 2.0,
    max_frames: int = 120,
    short_side: int = 224,
    limits: Limits | None = None,
    program: str | None = None,
    drop_duplicates: bool = True,
) -> Frames:
    """Sample a clip at `rate` frames per second, `max_frames` at most, spread over all of it.

    The frame for time t is the one on screen at t. The shorter side becomes `short_side` pixels.
    Raises ClipError (see its codes).
    """
    limits = limits or Limits()
    program = program or find_ffmpeg()
    about = probe(path, limits=limits, program=program)
    step = sampling_step(about.duration, rate, max_frames)
    width, height = scaled_size(about.width, about.height, short_side)
    arguments = _command(path, about, step, max_frames, (width, height), program)
    outcome = run(arguments, limits, most_output=max_frames * width * height * 3)
    count = len(outcome.output) // (width * height * 3)
    if count == 0:
        raise _no_frames(outcome.talk)
    shape = (count, height, width, 3)
    used = np.frombuffer(outcome.output, np.uint8, count * width * height * 3)
    pixels: npt.NDArray[np.uint8] = used.reshape(shape)
    times = np.arange(count, dtype=np.float32) * np.float32(step)
    kept = distinct(pixels) if drop_duplicates else np.arange(count)
    announced = about.duration
    ends_early = (
        announced is not None
        and count < max_frames
        and (times[-1] + MISSING_STEPS * step < announced)
    )
    return Frames(
        times=times[kept],
        pixels=np.ascontiguousarray(pixels[kept]),
        duration=float(times[-1] + step) if announced is None or ends_early else announced,
        dropped=count - len(kept),
        truncated=ends_early or "partial file" in outcome.talk,
    )


def sampling_step(duration: float | None, rate: float, max_frames: int) -> float:
    """Seconds between samples: 1 / rate, or more where that would pass `max_frames`."""
    step = 1 / rate
    if duration is not None and duration > max_frames * step:
        step = duration / max_frames
    return step


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Width and height with the shorter side at `short_side`, aspect kept within LONGEST_SIDE."""
    factor = short_side / min(width, height)
    longest = short_side * LONGEST_SIDE
    return min(round(width * factor), longest), min(round(height * factor), longest)


def distinct(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Frames uint8 [n, h, w, 3] → indices of those that differ from the last kept one."""
    thumbnails = _thumbnails(pixels)
    kept = [0]
    for number in range(1, len(thumbnails)):
        if np.abs(thumbnails[number] - thumbnails[kept[-1]]).mean() >= SAME_PICTURE:
            kept.append(number)
    return np.array(kept, dtype=np.intp)


def _command(
    path: Path,
    about: Probe,
    step: float,
    max_frames: int,
    size: tuple[int, int],
    program: str,
) -> list[str]:
    options: dict[str, Any] = {}
    if about.codec in SKIPPABLE and (about.fps or 0) >= SKIPPABLE_FPS:
        options["skip_frame"] = "noref"
    picture = (
        open_input(path, **options)
        .video.filter("setpts", "PTS-STARTPTS")
        # By default `fps` gives the picture half a step late; round=up gives the one on screen.
        .filter("fps", fps=f"{1 / step:.9f}", round="up")
        .filter("scale", size[0], size[1], flags=SCALE_FLAGS)
        .filter("setsar", 1)
    )
    output = picture.output(
        "pipe:",
        format="rawvideo",
        pix_fmt="rgb24",
        vframes=max_frames,
        # Nothing of an endless clip beyond what its samples need.
        t=math.ceil(step * max_frames),
    )
    compiled: list[str] = output.compile(cmd=[program, "-hide_banner", "-nostdin", "-v", "error"])
    return compiled


def _thumbnails(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 [n, h, w, 3] → grey float32 [n, 32, 32], each cell a mean of what it covers."""
    grey = pixels.mean(axis=3, dtype=np.float32)
    rows = np.linspace(0, grey.shape[1], THUMBNAIL, endpoint=False).astype(int)
    columns = np.linspace(0, grey.shape[2], THUMBNAIL, endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=1), columns, axis=2)
    heights = np.diff([*rows, grey.shape[1]])
    widths = np.diff([*columns, grey.shape[2]])
    means: npt.NDArray[np.float32] = sums / (heights[:, None] * widths[None, :])
    return means.astype(np.float32)


def _no_frames(talk: str) -> ClipError:
    if "annot allocate memory" in talk or "malloc" in talk:
        return ClipError("memory", "decoding it takes more memory than allowed")
    return ClipError("no_frames", "no picture of it can be decoded")

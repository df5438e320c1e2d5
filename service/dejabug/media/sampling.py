"""A clip → its sampled frames: the right pictures at the right times, near-duplicates dropped."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dejabug.media.ffmpeg import Limits, command, find_ffmpeg, no_frames, open_input, run
from dejabug.media.probe import FIRST_VIDEO, probe
from dejabug.media.scaling import SCALE_FLAGS, scaled_size
from dejabug.media.stills import read_still
from dejabug.media.timeline import MISSING, read_timeline

# Frames whose 32 x 32 grey thumbnails differ by less (mean of 0-255) from the last kept one are
# dropped: 63 % of an idle screen recording, none of moving play.
SAME_PICTURE = 0.75
THUMBNAIL = 32
# Where samples lie so many seconds apart, keyframes are near enough to them, if there is one in so
# many samples' time: half an hour of 1080p60 would else take several minutes to decode.
SPARSE = 2.0
STEPS_PER_KEYFRAME = 2
# How ffmpeg's filter `showinfo` tells of a picture; what a file says of itself stands indented.
SHOWN_AT = re.compile(r"^\[Parsed_showinfo\S* @ \w+\] n: *\d+ pts: *-?\d+ pts_time: *(\S+)", re.M)


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

    The frame for time t is the one on screen at t; of clips of several minutes, keyframes will do
    at times of their own (see SPARSE). The shorter side becomes `short_side` pixels. A screenshot
    is a clip of one frame at time 0 that lasts 0 seconds; what a file is, its content says. Raises
    ClipError (see its codes).
    """
    limits = limits or Limits()
    program = program or find_ffmpeg()
    deadline = time.monotonic() + limits.timeout_seconds
    about = probe(path, limits=limits, program=program, deadline=deadline)
    if about.is_image:
        still, cut_short = read_still(
            path,
            about.container,
            short_side=short_side,
            limits=limits,
            program=program,
            deadline=deadline,
        )
        return Frames(np.zeros(1, np.float32), still[None], 0.0, 0, cut_short)
    timeline = read_timeline(path, about, limits, program=program, deadline=deadline)
    known = timeline.duration if timeline.duration is not None else about.duration
    step = sampling_step(min(known or 0.0, limits.max_duration_seconds), rate, max_frames)
    width, height = scaled_size(about.width, about.height, short_side)
    size = width * height * 3
    sparse = step >= SPARSE and timeline.keyframe_gap <= STEPS_PER_KEYFRAME * step
    longest = limits.max_duration_seconds
    options: dict[str, Any] = {"skip_frame": "noref"} if timeline.skippable else {}
    if sparse:
        options = {"skip_frame": "nokey", "t": longest}
    # A recording may change its resolution: the same filters go on, or their clock would stop.
    source = open_input(path, max_pixels=limits.max_pixels, reinit_filter=0, **options)[FIRST_VIDEO]
    source = source.filter("setpts", "PTS-STARTPTS")
    picture = (
        (_keyframes(source, step) if sparse else _steadily(source, step))
        .filter("scale", width, height, flags=SCALE_FLAGS)
        .filter("setsar", 1)
        .output(
            "pipe:",
            format="rawvideo",
            pix_fmt="rgb24",
            vframes=max_frames,
            t=longest,
            **({"r": 1} if sparse else {}),
        )
    )
    arguments = command(program, picture, said="info" if sparse else "error")
    most = max_frames * size + 1
    outcome = run(arguments, limits, reads=path, most_output=most, deadline=deadline)
    count = len(outcome.output) // size
    times = np.arange(count, dtype=np.float32) * np.float32(step)
    if sparse:
        times = np.array(SHOWN_AT.findall(outcome.talk)[:count], np.float32)
        count = len(times)
    if count == 0:
        raise no_frames(outcome)
    used = np.frombuffer(outcome.output, np.uint8, count * size)
    pixels: npt.NDArray[np.uint8] = used.reshape(count, height, width, 3)
    # Of pictures that cannot be decoded ffmpeg says nothing, as long as there are others.
    between = step + (timeline.keyframe_gap if sparse else 0.0)
    undecoded = float(times[-1]) + between + MISSING < (timeline.duration or 0.0)
    kept = distinct(pixels) if drop_duplicates else np.arange(count)
    return Frames(
        times=times[kept],
        pixels=np.ascontiguousarray(pixels[kept]),
        duration=known if known is not None else count * step,
        dropped=count - len(kept),
        truncated=timeline.cut_off or outcome.status != 0 or undecoded,
    )


def _steadily(source: Any, step: float) -> Any:
    """The picture on screen at each step."""
    # By default `fps` gives the picture half a step late; round=up gives the one on screen.
    return source.filter("fps", fps=f"{1 / step:.9f}", round="up")


def _keyframes(source: Any, step: float) -> Any:
    """The first keyframe within each step, one a second from now on; `showinfo` tells its time."""
    due = f"isnan(prev_selected_t)+gt(floor(t/{step:.9f}),floor(prev_selected_t/{step:.9f}))"
    return source.filter("select", due).filter("showinfo", checksum=0).filter("setpts", "N/TB")


def sampling_step(duration: float, rate: float, max_frames: int) -> float:
    """Seconds between samples: 1 / rate, or more where that would pass `max_frames`."""
    return max(1 / rate, duration / max_frames)


def distinct(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Frames uint8 [n, h, w, 3] → indices of those that differ from the last kept one."""
    thumbnails = _thumbnails(pixels)
    kept = [0]
    for number in range(1, len(thumbnails)):
        if np.abs(thumbnails[number] - thumbnails[kept[-1]]).mean() >= SAME_PICTURE:
            kept.append(number)
    return np.array(kept, dtype=np.intp)


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

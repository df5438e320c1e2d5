"""A clip → its frames at each step, decoded by ffmpeg in the fastest way that is correct for this
file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import ffmpeg
import numpy as np
import numpy.typing as npt

from dejabug.media.errors import ClipError
from dejabug.media.ffmpeg import command, open_input
from dejabug.media.limited_process import SIDE, Limits, Outcome, run
from dejabug.media.probe import Probe
from dejabug.media.rendering import from_zero, rendered
from dejabug.media.timeline import Timeline

# When samples are this many seconds apart, keyframes are close enough to them, if there is one for
# each sample. For a clip that is costly to decode, one keyframe per this many samples is enough:
# half an hour of 1080p60 would otherwise take several minutes.
SPARSE = 2.0
STEPS_PER_KEYFRAME = 2
# Up to this many pixels in all of a clip's frames, decoding is cheap: about ten seconds on one
# core, e.g. five minutes of 640x360 at 60 frames a second.
CHEAP = 4e9
# Frames a second assumed for a clip that does not say.
USUAL_RATE = 60.0
# Codecs whose decoder cannot skip frames: all are decoded anyway, so all may be used.
NEVER_SKIPPED = frozenset({"vp9"})
# A decoding method was right for a file if it gave at least this share of the expected frames.
ENOUGH = 0.9
# Seconds by which the first keyframe may be late: all later ones' times count from it.
ON_TIME = 0.1
# The grey signature, by which copies of one recording are recognised: a grey square with sides of
# this many pixels, this many times a second.
SIGNATURE_SIDE = 12
SIGNATURE_RATE = 4.0
# How ffmpeg's filter `showinfo` reports a frame. What the file says about itself is indented.
SHOWN_AT = r"^\[showinfo@{name} @ \w+\] n: *\d+ pts: *-?\d+ pts_time: *(\S+)"
# How an expression's `print` reports the first frame's time; in ffmpeg 5, the number alone.
STARTED = re.compile(r"^(?:\[Eval @ \w+\] )?(-?\d{1,12}\.\d{1,9})$", re.MULTILINE)
SAY_AS_ERROR = 16  # AV_LOG_ERROR: printed at every log level that we use
# `keyframes` only; all frames that others `need`; `every` frame.
Way = Literal["keyframes", "needed", "every"]
SKIPPED: dict[Way, dict[str, str]] = {
    "keyframes": {"skip_frame": "nokey"},
    "needed": {"skip_frame": "noref"},
    "every": {},
}


@dataclass(frozen=True)
class Sampling:
    """What is wanted from a clip: a frame each `step` seconds, at most `max_frames`, of this `size`
    (width, height)."""

    step: float
    max_frames: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Decoded:
    """Decoded frames: `times` float32 [n], seconds from the first one; `pixels` uint8 [n, h, w, 3],
    RGB; `grey` uint8 [m, 12, 12] at `grey_times` float32 [m]. `late`: seconds between the start
    according to the packets and the first frame. `between`: the longest possible time, in seconds,
    between the last frame and the end. `outcome`: how ffmpeg ended. `partial`: these are only some
    of the frames, because there was no time for the others.
    """

    times: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.uint8]
    grey: npt.NDArray[np.uint8]
    grey_times: npt.NDArray[np.float32]
    late: float
    between: float
    outcome: Outcome
    partial: bool = False


def decode(
    path: Path,
    about: Probe,
    timeline: Timeline,
    wanted: Sampling,
    limits: Limits,
    *,
    program: str,
    deadline: float,
) -> Decoded:
    """Decode a clip's frames in the fastest way that gives all of them. Containers and decoders do
    not always agree on what a keyframe is (open groups of pictures, intra refresh). So if too few
    frames arrive, or the first one is late, the next way is tried, down to decoding everything.

    If a slower way times out, the frames of the faster one are used. Raises ClipError (timeout) if
    there are none.
    """
    best: Decoded | None = None
    for way in ways(timeline, wanted.step, about):
        arguments = _command(path, about, wanted, way, limits, program)
        most = wanted.max_frames * wanted.size[0] * wanted.size[1] * 3 + 1
        try:
            outcome = run(arguments, limits, reads=path, most_output=most, deadline=deadline)
        except ClipError:
            if best is None or not len(best.times):
                raise
            return best
        found = _read(outcome, timeline, wanted, way)
        right = is_right(found, timeline, wanted, way)
        # Prefer the slower way, even if an earlier one gave a few more frames: their times were
        # wrong.
        if best is None or len(found.times) >= ENOUGH * len(best.times):
            best = replace(found, partial=not right)
        if right:
            break
    assert best is not None  # there is always at least one way
    return best


def ways(timeline: Timeline, step: float, about: Probe) -> Iterator[Way]:
    """The ways that may be right for a clip, fastest first."""
    width, height = about.stored_size
    pixels = width * height * (about.fps or USUAL_RATE) * (timeline.duration or 0.0)
    near = timeline.keyframe_gap <= step * (1 if pixels <= CHEAP else STEPS_PER_KEYFRAME)
    if step >= SPARSE and near and about.codec not in NEVER_SKIPPED:
        yield "keyframes"
    if timeline.skippable:
        yield "needed"
    yield "every"


def is_right(found: Decoded, timeline: Timeline, wanted: Sampling, way: Way) -> bool:
    """Whether the frames match the packets: the first frame is at the start, and there is a frame
    for almost every step."""
    if way == "every":
        return True
    if way == "keyframes":
        expected = len({int((key - timeline.start) / wanted.step) for key in timeline.keyframes})
    else:
        expected = int((timeline.duration or 0.0) / wanted.step)
    enough = len(found.times) >= ENOUGH * min(expected, wanted.max_frames)
    return enough and found.late <= (ON_TIME if way == "keyframes" else wanted.step / 2)


def _command(
    path: Path, about: Probe, wanted: Sampling, way: Way, limits: Limits, program: str
) -> list[str]:
    options: dict[str, Any] = {**SKIPPED[way]}
    if way == "keyframes":
        options["t"] = limits.max_duration_seconds
        # The resolution can change within a recording: keep the same filters, or their clock stops.
    source = open_input(path, max_pixels=limits.max_pixels, reinit_filter=0, **options)
    copies = _telling_start(source[str(about.track)], about).split()
    pick = _first_of_each if way == "keyframes" else _steadily
    side = SIGNATURE_SIDE
    frames = rendered(pick(copies[0], wanted.step, "frames"), about, wanted.size, program)
    grey = rendered(
        pick(copies[1], 1 / SIGNATURE_RATE, "grey"), about, (side, side), program, flags="area"
    )
    # The signature ends where the frames end: a last frame may claim to last for hours.
    far = min(limits.max_duration_seconds, wanted.step * wanted.max_frames)
    raw: dict[str, Any] = {"format": "rawvideo"}
    # The selected keyframes now count as one second apart, so that none is dropped or repeated; how
    # far to read is set on the input.
    raw |= {"r": 1} if way == "keyframes" else {"t": far}
    arguments = ffmpeg.merge_outputs(
        frames.output("pipe:", pix_fmt="rgb24", vframes=wanted.max_frames, **raw),
        grey.output(SIDE, pix_fmt="gray", **raw),
    )
    return command(program, arguments, said="info" if way == "keyframes" else "error")


def _telling_start(source: Any, about: Probe) -> Any:
    told = f"0*if(eq(N,0),print(STARTT,{SAY_AS_ERROR}))"
    return from_zero(source.filter("setpts", f"PTS+{told}"), about)


def _steadily(source: Any, step: float, _: str) -> Any:
    """The frame on screen at each step."""
    # By default `fps` gives the frame half a step late; round=up gives the one on screen.
    return source.filter("fps", fps=f"{1 / step:.9f}", round="up")


def _first_of_each(source: Any, step: float, name: str) -> Any:
    """The first keyframe within each step, now one a second; `showinfo` reports its real time."""
    due = f"isnan(prev_selected_t)+gt(floor(t/{step:.9f}),floor(prev_selected_t/{step:.9f}))"
    due = f"key*({due})"  # some AV1 decoders skip nothing
    # `showinfo` would also print all side data of a frame, including encoder settings.
    picked = source.filter("select", due).filter("sidedata", "delete")
    return picked.filter(f"showinfo@{name}", checksum=0).filter("setpts", "N/TB")


def _read(outcome: Outcome, timeline: Timeline, wanted: Sampling, way: Way) -> Decoded:
    width, height = wanted.size
    count = len(outcome.output) // (width * height * 3)
    greys = len(outcome.beside) // SIGNATURE_SIDE**2
    if timeline.duration and way != "keyframes":
        # For a last frame without a duration, some versions of ffmpeg assume the duration of the
        # one before, however long that was.
        count = min(count, _due(timeline.duration, wanted.step))
        greys = min(greys, _due(timeline.duration, 1 / SIGNATURE_RATE))
    times = np.arange(count, dtype=np.float32) * np.float32(wanted.step)
    grey_times = np.arange(greys, dtype=np.float32) / np.float32(SIGNATURE_RATE)
    if way == "keyframes":
        times, grey_times = _told(outcome, "frames", count), _told(outcome, "grey", greys)
        count, greys = len(times), len(grey_times)
    started = STARTED.search(outcome.talk)
    return Decoded(
        times=times,
        pixels=_pictures(outcome.output, count, height, width, 3),
        grey=_pictures(outcome.beside, greys, SIGNATURE_SIDE, SIGNATURE_SIDE),
        grey_times=grey_times,
        late=float(started[1]) - timeline.start if started else 0.0,
        between=wanted.step + (timeline.keyframe_gap if way == "keyframes" else 0.0),
        outcome=outcome,
    )


def _due(duration: float, step: float) -> int:
    """How many steps begin within a duration, the first of them at 0."""
    return max(1, math.ceil(duration / step - 1e-6))


def _told(outcome: Outcome, name: str, count: int) -> npt.NDArray[np.float32]:
    found = re.findall(SHOWN_AT.format(name=name), outcome.talk, re.MULTILINE)
    return np.array(found[:count], np.float32)


def _pictures(data: bytes, *shape: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8, int(np.prod(shape))).reshape(shape)

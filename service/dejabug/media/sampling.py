"""A clip → its sampled frames: the right frames at the right times, without near-duplicates and
blank ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dejabug.media.content import distinct, with_content
from dejabug.media.decoding import SIGNATURE_SIDE, Sampling, decode
from dejabug.media.errors import ClipError
from dejabug.media.ffmpeg import find_ffmpeg, no_frames
from dejabug.media.limited_process import LONGEST, Limits
from dejabug.media.probe import probe
from dejabug.media.scaling import scaled_size
from dejabug.media.stills import read_still
from dejabug.media.timeline import MISSING, read_timeline

# A clip whose frames cover less than this share of its duration gets a note.
COVERED = 0.9


@dataclass(frozen=True)
class Signature:
    """A small grey version of a clip, by which copies of one recording are recognised: `pictures`
    uint8 [m, 12, 12] at `times` float32 [m], seconds; four a second, or one per keyframe of long
    clips."""

    times: npt.NDArray[np.float32]
    pictures: npt.NDArray[np.uint8]


def _no_signature() -> Signature:
    return Signature(
        np.zeros(0, np.float32), np.zeros((0, SIGNATURE_SIDE, SIGNATURE_SIDE), np.uint8)
    )


@dataclass(frozen=True)
class Frames:
    """Sampled frames: `times` float32 [n], seconds from the first frame; `pixels` uint8
    [n, h, w, 3], RGB, aspect kept. `dropped` near-duplicates and `blank` frames (one colour) are
    left out; `sampled_times` float32 [n + dropped + blank] has the times of all. `duration` in
    seconds, of which the frames represent `covered`; `truncated`: the file ended too early or was
    damaged. `signature`: for recognising copies, empty for a screenshot.
    """

    times: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.uint8]
    duration: float
    dropped: int
    truncated: bool
    sampled_times: npt.NDArray[np.float32]
    blank: int = 0
    covered: float = 0.0
    signature: Signature = field(default_factory=_no_signature)

    def notes(self) -> list[str]:
        """What part of the clip was not analysed, and why, a sentence each; empty if all was."""
        notes = []
        if self.truncated:
            notes.append("the file is truncated or damaged; the part that can be read is used")
        if self.covered < COVERED * self.duration:
            notes.append(f"only {self.covered:.0f} s of its {self.duration:.0f} s could be read")
        if self.duration > LONGEST - 1:  # a last frame may end a little earlier or later
            notes.append(f"only its first {LONGEST / 60:g} minutes are analysed")
        if self.blank:
            total = len(self.sampled_times)
            notes.append(
                f"{self.blank} of {total} frames are black or a single colour and were skipped"
            )
        return notes


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

    The frame for time t is the one on screen at t. In clips of several minutes, keyframes near
    these times may be used (see `decoding.py`). The shorter side becomes `short_side` pixels.
    Frames that show nothing new, or nothing at all, are dropped unless `drop_duplicates` is False.
    A screenshot is a clip of one frame at time 0 that lasts 0 seconds; the file's content decides
    what it is. Raises ClipError (see its codes).
    """
    limits = limits or Limits()
    program = program or find_ffmpeg()
    deadline = time.monotonic() + limits.timeout_seconds
    about = probe(path, limits=limits, program=program, deadline=deadline)
    if about.is_image:
        still, cut_short = read_still(
            path, about, short_side=short_side, limits=limits, program=program, deadline=deadline
        )
        if drop_duplicates and not with_content(still[None]).any():
            raise _blank("the image is")
        start = np.zeros(1, np.float32)
        return Frames(start, still[None], 0.0, 0, cut_short, start)
    timeline = read_timeline(path, about, limits, program=program, deadline=deadline)
    known = timeline.duration if timeline.duration is not None else about.duration
    step = sampling_step(min(known or 0.0, limits.max_duration_seconds), rate, max_frames)
    wanted = Sampling(step, max_frames, scaled_size(about.width, about.height, short_side))
    found = decode(path, about, timeline, wanted, limits, program=program, deadline=deadline)
    count = len(found.times)
    if count == 0:
        raise no_frames(found.outcome)
    shows = with_content(found.pixels) if drop_duplicates else np.ones(count, bool)
    if not shows.any():
        raise _blank("all of its frames are")
    kept = np.flatnonzero(shows)
    if drop_duplicates:
        kept = kept[distinct(found.pixels[kept])]
    duration = known if known is not None else count * step
    # ffmpeg reports nothing about frames that it cannot decode, as long as it decodes others.
    reached = float(found.times[-1]) + found.between
    covered = count * step if found.partial else reached
    return Frames(
        times=found.times[kept],
        pixels=np.ascontiguousarray(found.pixels[kept]),
        duration=duration,
        dropped=int(shows.sum()) - len(kept),
        truncated=timeline.cut_off
        or found.outcome.status != 0
        or (not found.partial and reached + MISSING < (timeline.duration or 0.0)),
        sampled_times=found.times,
        blank=int(count - shows.sum()),
        covered=min(covered, duration),
        signature=Signature(found.grey_times, found.grey),
    )


def sampling_step(duration: float, rate: float, max_frames: int) -> float:
    """Seconds between samples: 1 / rate, or more where that would pass `max_frames`."""
    return max(1 / rate, duration / max_frames)


def _blank(what: str) -> ClipError:
    return ClipError("blank", f"{what} black or a single colour: there is nothing to compare")

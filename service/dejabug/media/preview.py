"""A clip → a small copy that every browser plays: H.264 in MP4, silent, with exact seeking."""

from __future__ import annotations

import errno
import math
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from dejabug.media.errors import ClipError
from dejabug.media.ffmpeg import command, find_ffmpeg, no_frames, open_input
from dejabug.media.limited_process import MEBIBYTE, Limits, Outcome, run
from dejabug.media.probe import Probe, probe
from dejabug.media.rendering import from_zero, rendered
from dejabug.media.scaling import preview_size
from dejabug.media.timeline import read_timeline

# Bytes of one preview: half an hour at 300 kbit/s, the least at which gameplay is recognisable. An
# ordinary clip of half a minute takes 1-2 MiB.
MOST_BYTES = 64 * MEBIBYTE
# Share of MOST_BYTES for the frames; the rest is for the table of contents and for overshoot of the
# encoder's rate control.
PICTURES = 0.85
# Bits a second that are enough for any preview, even of noise.
MOST_BITS = 2_000_000
# Seconds that the encoder's rate control may run ahead, at the cost of size: for a scene change.
BUFFER = 2
# With more, a browser's player drops frames of two clips side by side; nobody sees the difference.
MOST_FRAMES = 30  # per second
# A rate above this is a container's clock tick, not a frame rate.
FASTEST = 240  # per second
# Seconds between key frames: the most that a player decodes to show one given frame.
GROUP = 0.5
# Constant rate factor of x264: 360 lines at 28 show what a bug looks like. For the demo's clips, a
# second takes 27 kB (median), at most 56 kB, and 33 ms to make.
QUALITY = 28
# Prefix of temporary folders next to a preview; it identifies what a killed process left behind.
UNFINISHED = ".unfinished-"


class EncoderMissingError(Exception):
    """This ffmpeg cannot write H.264: install another one. The clips are fine."""


def make_preview(
    path: Path, target: Path, *, limits: Limits | None = None, program: str | None = None
) -> None:
    """Write a small copy of a clip to `target`, which appears complete or not at all.

    Upright, no sound, no metadata, at most 360 x 1280 pixels and 30 frames a second. Its clock
    starts at 0 with the first frame, like that of `sample_frames`, so the same time shows the same
    frame. Ends at `limits.max_duration_seconds`. The folder of `target` must exist.

    Raises ClipError (see its codes; a screenshot is not_a_video, a copy that would pass MOST_BYTES
    too_large), EncoderMissingError, and OSError when the disk is full.
    """
    limits = limits or Limits()
    program = program or find_ffmpeg()
    deadline = time.monotonic() + limits.timeout_seconds
    about = probe(path, limits=limits, program=program, deadline=deadline)
    if about.is_image:
        raise ClipError("not_a_video", "a screenshot has no preview")
    timeline = read_timeline(path, about, limits, program=program, deadline=deadline)
    longest = limits.max_duration_seconds
    known = longest if timeline.duration is None else min(timeline.duration, longest)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=target.parent) as folder:
        copy = Path(folder) / "preview.mp4"
        arguments = command(program, _transcoded(path, copy, about, known, limits, program))
        outcome = run(
            arguments,
            limits,
            reads=path,
            writes=copy.parent,
            most_output=1,
            deadline=deadline,
            most_file=MOST_BYTES,
        )
        _check(copy, outcome, limits, program)
        copy.replace(target)


def preview_rate(fps: float | None) -> float:
    """A preview's frames per second for a source's: an integer fraction of a fast rate, an integer
    multiple of a slow one, so that frames stay evenly spaced; within 15 to 30.

    A source whose rate is missing or implausible gets MOST_FRAMES.
    """
    if fps is None or not 0 < fps <= FASTEST:
        return float(MOST_FRAMES)
    if fps > MOST_FRAMES:
        return fps / math.ceil(fps / MOST_FRAMES)
    return fps * math.floor(MOST_FRAMES / fps)


def most_bits(duration: float) -> int:
    """Bits a second at which a clip of `duration` seconds stays within MOST_BYTES."""
    return int(min(MOST_BITS, PICTURES * MOST_BYTES * 8 / (duration + BUFFER)))


def _transcoded(
    path: Path, copy: Path, about: Probe, duration: float, limits: Limits, program: str
) -> Any:
    rate = preview_rate(about.fps)
    group = max(1, round(rate * GROUP))
    bits = most_bits(duration)
    size = preview_size(about.width, about.height)
    # As in sampling: keep the same filters when a recording changes its resolution.
    source = open_input(path, max_pixels=limits.max_pixels, reinit_filter=0)[str(about.track)]
    steady = from_zero(source, about).filter("fps", fps=f"{rate:.6f}", round="up")
    return (
        rendered(steady, about, size, program, flags="bicubic")
        # Browsers guess the colours of small videos differently, so they are converted to one
        # standard, which the file declares.
        .filter("scale", out_color_matrix="bt709", out_range="tv")
        .filter("format", "yuv420p")
        .filter("setsar", 1)
        .filter(
            "setparams",
            range="tv",
            colorspace="bt709",
            color_primaries="bt709",
            color_trc="bt709",
        )
        .output(
            f"file:{copy}",
            format="mp4",
            vcodec="libx264",
            preset="veryfast",
            crf=QUALITY,
            maxrate=bits,
            bufsize=BUFFER * bits,
            g=group,
            keyint_min=group,
            sc_threshold=0,
            # Without B-frames, frames are stored in display order, and the clock needs no edit
            # list to start at 0.
            bf=0,
            # A preview doesn't need the source's closed captions.
            a53cc=0,
            threads=1,
            map_metadata=-1,
            map_chapters=-1,
            fflags="+bitexact",
            movflags="+faststart",
            # Some versions of ffmpeg extend the last frame.
            t=max(1, math.ceil(duration * rate - 1e-6)) / rate,
        )
    )


def _check(copy: Path, outcome: Outcome, limits: Limits, program: str) -> None:
    """Raises unless the copy is complete: its table of contents is written last. For a damaged
    clip, a copy of the readable first part is fine."""
    if "Unknown encoder" in outcome.talk:
        raise EncoderMissingError(
            f"{program} was built without libx264, which previews need. Install another ffmpeg: "
            "apt-get install ffmpeg, or pip install 'dejabug[ffmpeg]'"
        )
    if outcome.status == -signal.SIGXFSZ:
        raise ClipError("too_large", f"its preview would take more than {MOST_BYTES:,} bytes")
    if "No space left on device" in outcome.talk:
        raise OSError(errno.ENOSPC, "no disk space left for a preview", str(copy.parent.parent))
    try:
        probe(copy, limits=limits, program=program)
    except (ClipError, FileNotFoundError) as error:
        raise no_frames(outcome) from error

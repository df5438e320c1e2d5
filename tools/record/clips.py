"""What every game's recorder returns, and how it becomes a video file and a manifest line.

A game's module has one function, `recordings(clip_set, seed)`, which yields `Recording`s. Each one
has its ticket and a generator of frames, which runs the game only when it is read.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Literal, TypeVar, cast

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""One frame: shape (height, width, 3), RGB."""

Run = TypeVar("Run")
ClipSet = Literal["demo", "development"]
Codec = Literal["h264", "vp9"]

MANIFEST_FIELDS = (
    "file", "game", "scene", "bug", "bug_type", "group", "related", "summary", "description",
)  # fmt: skip

CODEC_ARGUMENTS: dict[Codec, tuple[str, ...]] = {
    # Three B-frames, like players' capture tools: the service skips non-reference frames.
    "h264": ("-c:v", "libx264", "-preset", "veryslow", "-bf", "3", "-g", "120"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "1", "-g", "120"),
}


@dataclass(frozen=True)
class Encoding:
    """How one clip is written.

    Attributes:
        size: width and height in pixels, both even.
        fps: frames a second.
        crf: constant rate factor of the codec; higher is smaller and worse.
        codec: `h264` or `vp9`; the container follows the file's suffix.
        max_kbps: ceiling of the bit rate in kbit/s, which keeps a clip small; None for no ceiling.
        sound: an ffmpeg source (libavfilter) for a mono track; None for a clip without sound.
    """

    size: tuple[int, int]
    fps: int
    crf: int = 30
    codec: Codec = "h264"
    max_kbps: int | None = None
    sound: str | None = None


@dataclass(frozen=True)
class Recording:
    """One clip to be made: its ticket, its labels and the run of the game that shows it.

    Attributes:
        file: file name, which must not give the bug or the group away.
        game: the game's name, as the tickets write it.
        scene: the place or level.
        bug: the bug in a few words, or None for a bug-free clip.
        bug_type: slug of the bug's type (`clipping`, `missing_texture`, ...), or None.
        group: id shared by the clips of one bug in one game, or None for a bug-free clip.
        summary: the ticket's summary.
        description: the ticket's description.
        encoding: how the clip is written.
        frames: starts the run; yields frames at `encoding.fps`.
        related: id shared by groups that show the same kind of bug elsewhere in the game, or None.
    """

    file: str
    game: str
    scene: str
    bug: str | None
    bug_type: str | None
    group: str | None
    summary: str
    description: str
    encoding: Encoding
    frames: Callable[[], Iterator[Frame]]
    related: str | None = None

    def __post_init__(self) -> None:
        labels = (self.bug, self.bug_type, self.group)
        if any(label is None for label in labels) and any(label is not None for label in labels):
            raise ValueError(
                f"{self.file}: bug, bug_type and group are all set or all None: {labels}"
            )


def numbered(runs: Sequence[Run], rng: random.Random) -> Iterator[tuple[Run, int]]:
    """Runs with the numbers of their files, shuffled so that numbers reveal nothing about bugs."""
    numbers = rng.sample(range(1, len(runs) + 1), len(runs))
    yield from sorted(zip(runs, numbers, strict=True), key=lambda pair: pair[1])


def at_fps(frames: Iterable[Frame], game_fps: float, fps: float) -> Iterator[Frame]:
    """Pick, for each tick of a clip at `fps`, the game's newest frame, as screen capture does."""
    step = Fraction(game_fps).limit_denominator(1000) / Fraction(fps).limit_denominator(1000)
    due = Fraction(0)
    for number, frame in enumerate(frames):
        while due < number + 1:
            yield frame
            due += step


def write_clip(frames: Iterable[Frame], path: Path, encoding: Encoding) -> int:
    """Encode frames as one video file; the container follows the suffix of `path`.

    Args:
        frames: RGB frames, all of one size; scaled to the encoding's size if they differ from it.
        path: the file to write (.mp4, .mov, .mkv or .webm); an existing one is replaced.
        encoding: how it is written.

    Returns:
        The number of frames written.

    Raises:
        ValueError: there are no frames, or their sizes differ.
        RuntimeError: ffmpeg failed; the message ends with its output.
    """
    codec, max_kbps = encoding.codec, encoding.max_kbps
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"{path.name}: the run gave no frames")
    height, width = first.shape[:2]
    limit = [] if max_kbps is None else ["-maxrate", f"{max_kbps}k", "-bufsize", f"{2 * max_kbps}k"]
    if codec == "vp9":
        # libvpx reads -b:v as the ceiling when -crf is given; 0 means none (ffmpeg, "VP9").
        limit = ["-b:v", "0" if max_kbps is None else f"{max_kbps}k"]
    heard: list[str] = []
    if encoding.sound is not None:
        sound = ("libopus", "16k") if path.suffix == ".webm" else ("aac", "16k")
        heard = ["-c:a", sound[0], "-b:a", sound[1], "-ac", "1", "-shortest"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(encoding.fps),
        "-i", "-", *(("-f", "lavfi", "-i", encoding.sound) if encoding.sound is not None else ()),
        "-vf", f"scale={encoding.size[0]}:{encoding.size[1]}:flags=bicubic",
        *CODEC_ARGUMENTS[codec], "-crf", str(encoding.crf), *limit, "-pix_fmt", "yuv420p", *heard,
        # One thread and no version strings: the same frames give the same bytes on any machine.
        "-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
    ]  # fmt: skip
    if path.suffix in {".mp4", ".mov"}:
        command += ["-movflags", "+faststart"]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with subprocess.Popen(
        [*command, path], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ffmpeg:
        to_ffmpeg, said = cast(IO[bytes], ffmpeg.stdin), cast(IO[bytes], ffmpeg.stderr)
        try:
            for picture in chain([first], pictures):
                if picture.shape != (height, width, 3) or picture.dtype != np.uint8:
                    raise ValueError(f"{path.name}: frame {written} is {picture.shape}")
                to_ffmpeg.write(np.ascontiguousarray(picture).data)
                written += 1
            to_ffmpeg.close()
        except BrokenPipeError:
            pass  # ffmpeg says why on stderr, which is read next
        except BaseException:
            ffmpeg.kill()  # otherwise it would finish a truncated clip
            raise
        complaint = said.read().decode(errors="replace").strip()
    if ffmpeg.returncode != 0:
        raise RuntimeError(f"{path.name}: ffmpeg ended with {ffmpeg.returncode}: {complaint}")
    return written


def record(recording: Recording, folder: Path) -> Path:
    """Run the game and write one recording's clip into `folder`; returns the clip's path."""
    path = folder / recording.file
    write_clip(recording.frames(), path, recording.encoding)
    return path


def merge_manifest(
    recordings: Iterable[Recording], path: Path, originals: Mapping[str, str] | None = None
) -> None:
    """Write one JSON object per line, one line per clip; lines of other games stay as they are.

    `originals`: these are re-recordings; maps each file to the file that it was made from. They
    replace the earlier re-recordings; without it, lines of re-recordings stay.
    """
    fresh = [{name: getattr(item, name) for name in MANIFEST_FIELDS} for item in recordings]
    if originals is not None:
        fresh = [{**entry, "recording_of": originals[entry["file"]]} for entry in fresh]
    games = {entry["game"] for entry in fresh}

    def stays(entry: Mapping[str, str]) -> bool:
        if "recording_of" in entry:
            return originals is None
        return originals is not None or entry["game"] not in games

    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [entry for entry in map(json.loads, old) if stays(entry)]
    ordered = sorted([*kept, *fresh], key=lambda entry: str(entry["file"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(entry, ensure_ascii=False) for entry in ordered)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

"""Makes a recording like a recorder: numbered frames, encoded and written to a file by ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import imageio_ffmpeg

from support.numbered_pictures import HEIGHT, WIDTH, raw

# How a patch of a standard or high dynamic range recording may differ from what was drawn, of 255.
# Tone mapping is a matter of taste: each player darkens what is near reference white as it likes.
SDR_BOUND, HDR_BOUND = 6.0, 16.0
# Ticks a second of a clip with irregular frame times.
TICKS = 90_000
# The luminance of the drawn white in HDR, in cd/m2 (ITU-R BT.2408, reference white).
REFERENCE_WHITE = 203


@dataclass(frozen=True)
class Colours:
    """How pictures are coded: `matrix` and `full` range for what is in the file, `tags` (matrix,
    primaries, transfer) for what it says, "unknown" where it says nothing."""

    matrix: str = "bt709"
    full: bool = False
    tags: tuple[str, str, str] = ("bt709", "bt709", "bt709")
    transfer: Literal["", "smpte2084", "arib-std-b67"] = ""
    pixels: str = "yuv420p"

    @property
    def is_hdr(self) -> bool:
        """Whether the video has a high dynamic range."""
        return bool(self.transfer)

    def converted(self) -> str:
        """ffmpeg's filters that turn the drawn RGB into this, without loss of chroma yet."""
        span = "full" if self.full else "limited"
        if not self.transfer:
            flags = "accurate_rnd+full_chroma_int+full_chroma_inp"
            scaled = f"scale=out_color_matrix={self.matrix}:out_range={span}:flags={flags}"
            return f"{scaled},format={'gray' if self.pixels == 'gray' else 'yuv444p'}"
        return (
            "format=gbrp,zscale=min=gbr:rin=full:pin=bt709:tin=bt709"
            f":m=bt2020nc:r={span}:p=bt2020:t={self.transfer}:npl={REFERENCE_WHITE}"
            ",format=yuv444p10le"
        )

    def tagged(self) -> str:
        """ffmpeg's filter that declares the colours."""
        matrix, primaries, transfer = self.tags
        span = "unknown" if matrix == "unknown" and not self.full else "pc" if self.full else "tv"
        return (
            f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
            f":range={span}"
        )


BT709 = Colours()
UNTAGGED = Colours(tags=("unknown", "unknown", "unknown"))
UNTAGGED_601 = Colours("bt601", tags=("unknown", "unknown", "unknown"))
BT601 = Colours("bt601", tags=("smpte170m", "smpte170m", "smpte170m"))
FULL_RANGE = Colours(full=True)
HDR10 = Colours("bt2020nc", False, ("bt2020nc", "bt2020", "smpte2084"), "smpte2084", "yuv420p10le")
HLG = Colours(
    "bt2020nc", False, ("bt2020nc", "bt2020", "arib-std-b67"), "arib-std-b67", "yuv420p10le"
)


@dataclass(frozen=True)
class Recording:
    """One clip of `seconds`, for which `rate` frames a second were drawn.

    `size`: width and height as shown. `arguments`: ffmpeg's, for codec and container. `left_out`:
    whether a frame is missing in the file, by its number, as in a recording that leaves out what
    did not change. `jitter`: how late a frame may be, in seconds. `turned`: clockwise
    degrees by which stored frames are to be turned. `written_rate`: what the file says instead
    of `rate`, if players know better. `stored`: the frame size in the file, if its pixels are not
    square. `sound`: whether there is any. `finish`: turns the file that ffmpeg wrote
    into the recorder's.
    """

    name: str
    suffix: str
    arguments: tuple[str, ...]
    size: tuple[int, int] = (1280, 720)
    rate: Fraction = Fraction(30)
    seconds: float = 4.0
    colours: Colours = BT709
    left_out: Callable[[int], bool] | None = None
    jitter: float = 0.0
    turned: int = 0
    interlaced: bool = False
    written_rate: Fraction | None = None
    sound: bool = True
    stored: tuple[int, int] | None = None
    finish: Callable[[Path, Path], None] | None = field(default=None, compare=False)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the frames that are in the file."""
        pictures = round(self.seconds * self.rate)
        return [n for n in range(pictures) if not (n and self.left_out and self.left_out(n))]

    def time_of(self, number: int) -> float:
        """When a frame comes on screen, in seconds."""
        return float(number / self.rate) + self.jitter * (number * 7 % 5) / 4

    def shown_at(self, time: float) -> int:
        """The number of the frame on screen at a time, in seconds."""
        # A container's clock of milliseconds may put it a little later.
        return max((n for n in self.numbers if self.time_of(n) <= time + 0.0015), default=0)

    def may_show(self, time: float) -> set[int]:
        """The numbers that a sample at this time may have: within one frame of the file."""
        step = float((2 if self.interlaced else 1) / self.rate) + self.jitter
        return {n for n in self.numbers if time - step < self.time_of(n) < time + step} | {
            self.shown_at(max(0.0, time - step)),
            self.shown_at(time),
        }

    @property
    def bound(self) -> float:
        """How far a patch's mean may be from the drawn colour, per channel, of 255."""
        return HDR_BOUND if self.colours.is_hdr else SDR_BOUND


@dataclass(frozen=True)
class Recorder:
    """`writes`: container, codec, rate control, kind of frame rate, colours. `sources` name where
    that is from, as (what it is called, its address); what none of them says is in `assumed`, and
    how the clips differ from the recorder's files in `differs`."""

    name: str
    writes: str
    clips: tuple[Recording, ...]
    sources: tuple[tuple[str, str], ...] = ()
    assumed: str = ""
    differs: str = ""


def packaged() -> str:
    """The packaged ffmpeg: what makes the clips, whichever one reads them."""
    found: str = imageio_ffmpeg.get_ffmpeg_exe()
    return found


def run(*arguments: str | Path | int, given: bytes | None = None) -> bytes:
    """Run the packaged ffmpeg; what it writes to its standard output. Raises RuntimeError with what
    it says when it fails."""
    command = [packaged(), "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def build(recording: Recording, folder: Path) -> Path:
    """The recording's file in this folder; it is made if it is not there."""
    path = folder / f"{recording.name}{recording.suffix}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    # Another process may make the same one at the same time.
    parts = Path(tempfile.mkdtemp(prefix=f"{recording.name}.", dir=folder))
    made = parts / f"coded{recording.suffix}"
    _encode(recording, made)
    if recording.turned:
        turned = parts / f"turned{recording.suffix}"
        degrees = -recording.turned % 360  # ffmpeg counts the other way round
        run("-display_rotation", degrees, "-i", made, "-c", "copy", *_timescale(recording), turned)
        made = turned
    if recording.finish:
        finished = parts / f"finished{recording.suffix}"
        recording.finish(made, finished)
        made = finished
    made.rename(path)
    shutil.rmtree(parts)
    return path


def _encode(recording: Recording, path: Path) -> None:
    rate = recording.written_rate or recording.rate
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{WIDTH}x{HEIGHT}"]
    source += ["-framerate", str(rate), "-i", "pipe:"]
    sound = []
    if recording.sound:
        source += ["-f", "lavfi", "-i", f"sine=frequency=300:duration={recording.seconds}"]
        codec = {".webm": "libopus", ".avi": "pcm_s16le"}.get(path.suffix, "aac")
        sound = ["-map", "0:v", "-map", "1:a", "-c:a", codec, "-b:a", "96k"]
    pictures = round(recording.seconds * recording.rate)
    run(
        *source,
        *sound,
        "-vf",
        _filters(recording),
        *(["-fps_mode", "passthrough"] if _irregular(recording) else []),
        *(["-enc_time_base", f"1/{TICKS}"] if _irregular(recording) else []),
        *recording.arguments,
        path,
        given=raw(range(pictures)),
    )


def _filters(recording: Recording) -> str:
    width, height = recording.stored or recording.size
    chain = [recording.colours.converted(), f"scale={width}:{height}:flags=neighbor"]
    chain.append(f"format={recording.colours.pixels}")
    if _irregular(recording):
        late = f"{recording.jitter}*mod(N*7,5)/4/TB"
        chain += [f"settb=1/{TICKS}", f"setpts='PTS+{late}'"]
        kept = set(recording.numbers)
        pictures = round(recording.seconds * recording.rate)
        dropped = "+".join(f"eq(n,{n})" for n in range(pictures) if n not in kept)
        chain.append(f"select='not({dropped or '0'})'")
    if recording.turned:
        turns = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}
        chain.append(turns[recording.turned])
    if recording.interlaced:
        chain.append("interlace=scan=tff:lowpass=off")
    if recording.stored:
        shown = recording.size
        chain.append(f"setsar={Fraction(shown[0] * height, shown[1] * width)}")
    return ",".join([*chain, recording.colours.tagged()])


def _irregular(recording: Recording) -> bool:
    return bool(recording.left_out or recording.jitter)


def _timescale(recording: Recording) -> list[str]:
    """A track's ticks are not to change when it is copied."""
    given = recording.arguments
    if "-video_track_timescale" in given:
        return list(given[(at := given.index("-video_track_timescale")) : at + 2])
    return []

"""Re-recordings of clips, as they come back to a studio: darkened, sent through a messenger, filmed
from a screen. The content is the original's, the look is not.

    python -m tools.record.rerecord CLIP LOOK OUT     one clip, to check the result
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import imageio_ffmpeg
import numpy as np

from tools.record.clips import ClipSet, Encoding, Frame, Recording, write_clip

Look = Literal["dark", "low-bitrate", "filmed"]
LOOKS: tuple[Look, ...] = get_args(Look)
# Background noise of the room in which a screen is filmed: quiet hum and hiss.
ROOM = "anoisesrc=colour=brown:amplitude=0.05[hiss];sine=frequency=100[hum];[hiss][hum]amix"
# Replaces the game's sound, which its recorder has switched off: two alternating notes.
GAME = r"aevalsrc=0.1*sin(2*PI*t*if(lt(mod(t\,1)\,0.5)\,330\,440))"


@dataclass(frozen=True)
class Rerecording:
    """A ticket with a re-recorded clip.

    Attributes:
        group: the bug's group; its first clip, by file name, is the original.
        look: how the new clip looks.
        summary: the ticket's summary.
        description: the ticket's description.
    """

    group: str
    look: Look
    summary: str
    description: str


def again(
    planned: tuple[Rerecording, ...], clip_set: ClipSet, manifest: Path
) -> Iterator[tuple[Recording, str]]:
    """Re-recordings of the clips next to a manifest, each with its original's file name.

    Their files continue their games' numbers, in a shuffled order, so that numbers reveal nothing
    about bugs. Groups that are not in the manifest are left out.
    """
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    entries = [line for line in lines if "recording_of" not in line]
    rng = random.Random(f"again {clip_set}")
    last: dict[str, int] = {}
    for entry in entries:
        stem, number = Path(entry["file"]).stem.rsplit("-", 1)
        last[stem] = max(last.get(stem, 0), int(number))
    for plan in rng.sample(planned, len(planned)):
        variant = rng.randrange(1000)
        of_group = [entry for entry in entries if entry["group"] == plan.group]
        if not of_group:
            continue
        original = min(of_group, key=lambda entry: str(entry["file"]))
        stem = Path(original["file"]).stem.rsplit("-", 1)[0]
        last[stem] += 1
        yield (
            _recording(plan, original, manifest.parent, f"{stem}-{last[stem]:02d}", variant),
            original["file"],
        )


def _recording(
    plan: Rerecording, original: Mapping[str, Any], folder: Path, stem: str, variant: int
) -> Recording:
    encoding, suffix = encoding_of(plan.look, variant)

    def frames() -> Iterator[Frame]:
        yield from seen_again(folder / original["file"], plan.look, variant)

    return Recording(
        file=f"{stem}.{suffix}",
        game=original["game"],
        scene=original["scene"],
        bug=original["bug"],
        bug_type=original["bug_type"],
        group=original["group"],
        related=original.get("related"),
        summary=plan.summary,
        description=plan.description,
        encoding=encoding,
        frames=frames,
    )


def encoding_of(look: Look, variant: int) -> tuple[Encoding, str]:
    """How a re-recording is written, and its file's suffix."""
    match look:
        case "dark":
            return Encoding((320, 180), 12, crf=36, max_kbps=40, sound=GAME), ("mp4", "mkv")[
                variant % 2
            ]
        case "low-bitrate":
            return Encoding((192, 108), 10, crf=44, max_kbps=14), "mp4"
        case "filmed":
            return Encoding((320, 180), 12, crf=36, max_kbps=44, sound=ROOM), "mp4"


def seen_again(clip: Path, look: Look, variant: int) -> Iterator[Frame]:
    """A clip's frames with another look, at the rate of `encoding_of`. `variant` varies the details,
    such as how dark, or from where it is filmed. Raises RuntimeError when ffmpeg fails."""
    (width, height), rate = (encoding := encoding_of(look, variant)[0]).size, encoding.fps
    filters = f"{FILTERS[look](random.Random(f'{look} {variant}'))},fps={rate},"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error",
        "-i", str(clip), "-vf", f"{filters}scale={width}:{height}:flags=area",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{clip.name}, {look}: {done.stderr.decode(errors='replace').strip()}")
    yield from np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def _dark(rng: random.Random) -> str:
    """Wrong brightness, as in many captures of HDR screens."""
    share, gamma = rng.uniform(0.3, 0.55), rng.uniform(0.6, 0.8)
    return f"eq=gamma={gamma:.2f}:saturation=0.9,lutrgb=r=val*{share:.2f}:g=val*{share:.2f}:b=val*{share:.2f}"


def _low_bitrate(rng: random.Random) -> str:
    """Scaled down for a messenger; its encoder does the rest."""
    cut = rng.uniform(0.1, 0.6)
    return f"trim=start={cut:.2f},setpts=PTS-STARTPTS"


def _filmed(rng: random.Random) -> str:
    """A screen filmed by hand at an angle: edges, glare, noise, a shaky hand."""
    slant, shake = rng.uniform(-0.05, 0.05), rng.uniform(1.5, 4.0)
    corners = []
    for name, (x, y) in zip("0123", ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
        inward = slant if x == 0 else -slant
        down = (1 if y == 0 else -1) * (abs(slant) * 0.6 if (x == 0) == (slant > 0) else 0.0)
        corners.append(
            f"x{name}=W*{x + inward * 0.4:.3f}+{shake:.1f}*sin(on/9+{rng.uniform(0, 0.4):.2f})"
        )
        corners.append(f"y{name}=H*{y + down:.3f}+{shake:.1f}*cos(on/13+{rng.uniform(0, 0.4):.2f})")
    return ",".join(
        (
            "scale=640:360:flags=bicubic",
            "drawgrid=w=iw:h=3:t=1:color=black@0.18",  # a screen's rows, which cause moiré
            f"pad=iw*{rng.uniform(1.06, 1.18):.2f}:ih*{rng.uniform(1.06, 1.2):.2f}"
            ":(ow-iw)/2:(oh-ih)/2:color=0x15120f",
            f"perspective={':'.join(corners)}:sense=destination:eval=frame",
            f"eq=contrast={rng.uniform(0.75, 0.9):.2f}:brightness={rng.uniform(-0.03, 0.06):.2f}"
            f":saturation={rng.uniform(0.65, 0.9):.2f}:gamma_b={rng.uniform(1.0, 1.2):.2f}",
            "vignette=PI/6",
            "gblur=sigma=1.1",
            "noise=alls=14:allf=t:all_seed=7",
        )
    )


FILTERS: Mapping[Look, Callable[[random.Random], str]] = {
    "dark": _dark,
    "low-bitrate": _low_bitrate,
    "filmed": _filmed,
}


def write_again(clip: Path, look: Look, variant: int, folder: Path) -> Path:
    """Re-record a clip into a folder; returns the new file, named after the original."""
    encoding, suffix = encoding_of(look, variant)
    path = folder / f"{clip.stem}-{look}.{suffix}"
    write_clip(seen_again(clip, look, variant), path, encoding)
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.record.rerecord", description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("look", choices=LOOKS)
    parser.add_argument("out", type=Path, help="folder")
    parser.add_argument("--variant", type=int, default=0)
    arguments = parser.parse_args()
    print(write_again(arguments.clip, arguments.look, arguments.variant, arguments.out))


if __name__ == "__main__":
    main()

"""The colours that a file declares, and what a player assumes when it declares none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# Pixel formats in red, green and blue, or grey alone: they have no colour matrix.
WITHOUT_MATRIX = re.compile(r"(a?rgb|a?bgr|0rgb|0bgr|rgb0|bgr0|gbr|x2rgb|x2bgr|gray|ya|mono|pal8)")
# Matrices that swscale converts. It refuses a file with any other tag, although such a tag is
# usually wrong: players that do not know it play the file anyway.
MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
# Its luma is computed differently, and no converter here supports it: this one is the nearest.
NEAREST_MATRIX = {"bt2020c": "bt2020nc"}
# From this size up, players treat an untagged video as HD (mpv: 1280 wide or over 576 high).
HD_WIDTH, HD_HEIGHT = 1280, 577
# Primaries further apart than BT.709's. The others' differences are too small to see.
WIDE = {"bt2020": "bt2020", "smpte432": "smpte432", "smpte431": "smpte431"}
CURVES: dict[str, Literal["pq", "hlg"]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


@dataclass(frozen=True)
class Colours:
    """A video stream's colours, by ffmpeg's names, as the file declares them: `pixels` (pixel
    format), `full_range` or limited, `matrix`, `primaries` and `transfer`. Empty if the file does
    not say.
    """

    pixels: str = ""
    full_range: bool | None = None
    matrix: str = ""
    primaries: str = ""
    transfer: str = ""

    @property
    def curve(self) -> Literal["pq", "hlg", "sdr"]:
        """The transfer curve: PQ (HDR10), HLG, or one of ordinary video."""
        return CURVES.get(self.transfer, "sdr")

    @property
    def gamut(self) -> str:
        """The primaries, if they must be converted to be shown as BT.709; else empty."""
        if self.curve != "sdr" and not self.primaries:
            return "bt2020"
        return WIDE.get(self.primaries, "")

    def matrix_shown(self, width: int, height: int) -> str:
        """The matrix that a player uses to convert frames of this size; empty if there is nothing
        to choose."""
        if WITHOUT_MATRIX.match(self.pixels):
            return ""
        matrix = NEAREST_MATRIX.get(self.matrix, self.matrix)
        if matrix in MATRICES:
            return matrix
        if self.curve != "sdr" or self.primaries == "bt2020":
            return "bt2020nc"
        return "bt709" if width >= HD_WIDTH or height >= HD_HEIGHT else "smpte170m"

    def told(self) -> str:
        """The colours in words, e.g. `yuv420p10le, HDR10 (PQ), bt2020, limited range`."""
        names = {"pq": "HDR10 (PQ)", "hlg": "HLG", "sdr": "SDR"}
        words = [self.pixels, names[self.curve], self.matrix or "no matrix tag"]
        if self.primaries and self.primaries != self.matrix:
            words.append(f"{self.primaries} primaries")
        if self.full_range is not None:
            words.append("full range" if self.full_range else "limited range")
        return ", ".join(word for word in words if word)


def colours_of(pixels: str, details: str) -> Colours:
    """ffmpeg's pixel format, and the details in brackets after it, e.g. `tv, bt2020nc/bt2020/
    smpte2084, progressive` → the colours."""
    full: bool | None = None
    tags = ["", "", ""]
    for word in (each.strip() for each in details.split(",")):
        if word in ("tv", "pc"):
            full = word == "pc"
        elif "/" in word and word.count("/") == 2:
            tags = word.split("/")
        elif re.fullmatch(r"(bt|smpte|fcc|ycgco|ictcp|gbr|film|arib|iec|chroma|ipt)[\w-]*", word):
            tags = [word] * 3
    matrix, primaries, transfer = ("" if tag in ("unknown", "reserved") else tag for tag in tags)
    return Colours(pixels, full, matrix, primaries, transfer)

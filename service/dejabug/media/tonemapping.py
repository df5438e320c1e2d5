"""HDR and wide colours → what an SDR screen shows, in ffmpeg's filters.

Two methods give the same result, within a level or two of 255: `zscale` (zimg, in floating point),
which most builds of ffmpeg have, and tables that every build can compute. Both take 203 cd/m² as
white (ITU-R BT.2408), keep what is below KNEE of it as it is, roll off what is brighter, up to PEAK
(Mobius), and target a screen of gamma 2.4 (ITU-R BT.1886).
"""

from __future__ import annotations

import subprocess
from functools import cache
from typing import Any, Literal

from dejabug.media.colours import Colours

ToneMapper = Literal["zscale", "tables"]
WHITE = 203.0  # cd/m², diffuse white in HDR (ITU-R BT.2408)
# cd/m²: the mastering display of most HDR10, and the nominal one of HLG; brighter light is white.
BRIGHTEST = 1000.0
PEAK = BRIGHTEST / WHITE
# Share of white up to which light is kept as it is: an SDR game in an HDR recording looks the same
# as in an SDR recording.
KNEE = 0.8
GAMMA = 2.4
# zscale's names of transfers.
TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67", "sdr": "bt709"}
# Linear light in these primaries → in BT.709's, both with a D65 white (SMPTE 431 as D65, as
# recorders use it): from the primaries' chromaticities by SMPTE RP 177.
TO_BT709 = {
    "bt2020": ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    "smpte432": ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
TO_BT709["smpte431"] = TO_BT709["smpte432"]
# The curves from signals 0 to 1 (`ld(9)`) to light, 1 being BRIGHTEST, as ffmpeg expressions: PQ by
# SMPTE ST 2084; HLG by ITU-R BT.2100, with its system gamma of 1.2 applied per channel.
PQ = (
    "st(0,pow(ld(9),1/78.84375));"
    "min(1,10*pow(max(ld(0)-0.8359375,0)/(18.8515625-18.6875*ld(0)),1/0.1593017578125))"
)
HLG = "pow(if(lte(ld(9),0.5),ld(9)*ld(9)/3,(exp((ld(9)-0.55991073)/0.17883277)+0.28466892)/12),1.2)"
SDR = f"pow(ld(9),{GAMMA})"


@cache
def tone_mapper(program: str) -> ToneMapper:
    """The method that this ffmpeg supports, cached. Raises OSError when it does not answer."""
    asked = [program, "-hide_banner", "-filters"]
    try:
        listing = subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{program} -filters does not end") from error
    words = {word for line in listing.split("\n") for word in line.split()[1:2]}
    return "zscale" if {"zscale", "tonemap"} <= words else "tables"


def shown_in_sdr(picture: Any, colours: Colours, way: ToneMapper) -> Any:
    """Filters for frames in RGB, 16 bits a channel; the output is RGB, 8 bits, as an SDR screen
    shows it."""
    picture = picture.filter("format", "gbrp16le")
    by = _by_zscale if way == "zscale" else _by_tables
    picture = by(picture, colours).filter("format", "gbrp")
    return picture.filter("setparams", color_primaries="bt709", color_trc="bt709")


def _by_zscale(picture: Any, colours: Colours) -> Any:
    hdr = colours.curve != "sdr"
    light = {"tin": "linear", "min": "gbr", "m": "gbr", "rin": "pc", "r": "pc"}
    gamut = colours.gamut or "bt709"
    picture = picture.filter(
        "zscale",
        **{**light, "tin": TRANSFERS[colours.curve], "t": "linear", "pin": gamut, "p": gamut},
        npl=WHITE if hdr else 100,
    )
    picture = picture.filter("format", "gbrpf32le")
    picture = picture.filter("zscale", **light, t="linear", pin=gamut, p="bt709")
    if hdr:
        picture = picture.filter("tonemap", "mobius", param=KNEE, peak=f"{PEAK:.6f}", desat=0)
    return picture.filter("zscale", **light, t="bt709", pin="bt709", p="bt709")


def _by_tables(picture: Any, colours: Colours) -> Any:
    picture = _table(picture, {"pq": PQ, "hlg": HLG, "sdr": SDR}[colours.curve])
    if colours.gamut:
        rows = zip("rgb", TO_BT709[colours.gamut], strict=True)
        shares = {f"{to}{of}": n for to, row in rows for of, n in zip("rgb", row, strict=True)}
        picture = picture.filter("colorchannelmixer", **shares)
    light = _rolled_off() if colours.curve != "sdr" else "ld(9)"
    return _table(picture, f"pow({light},{1 / GAMMA:.9f})")


def _rolled_off() -> str:
    """The tone curve of ffmpeg's `tonemap=mobius`, as an expression of `ld(9)`, 1 being BRIGHTEST;
    white is 1."""
    light, divisor = f"({PEAK:.6f}*ld(9))", KNEE**2 - 2 * KNEE + PEAK
    a = -(KNEE**2) * (PEAK - 1) / divisor
    b = (KNEE**2 - 2 * KNEE * PEAK + PEAK) / (PEAK - 1)
    scale = (b**2 + 2 * b * KNEE + KNEE**2) / (b - a)
    rolled = f"{scale:.9f}*({light}+{a:.9f})/({light}+{b:.9f})"
    return f"min(1,if(lte({light},{KNEE}),{light},{rolled}))"


def _table(picture: Any, expression: str) -> Any:
    """A lookup table over all values of a channel, by an expression of `ld(9)`, 0 to 1; steps
    before the last one end with a semicolon."""
    *steps, value = expression.split(";")
    whole = ";".join(["st(9,val/maxval)", *steps, f"maxval*({value})"])
    return picture.filter("lutrgb", r=whole, g=whole, b=whole)

"""When a clip's pictures are shown, told by its packets: facts, where its header may be wrong.

Copying packets decodes nothing: it takes 0.05 s where decoding takes 2. The header of a recording
from a browser has no duration, that of a file cut off has a wrong one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import ffmpeg

from dejabug.media.child import MEBIBYTE
from dejabug.media.ffmpeg import Limits, command, open_input, run
from dejabug.media.probe import FIRST_VIDEO, Probe

# Half an hour of 120 pictures a second, at some 55 bytes a packet.
MOST_LISTED = 16 * MEBIBYTE
# Packets whose headers are read to learn how the encoder builds its groups of pictures; ffmpeg
# says about 4 kB a packet.
PACKETS_TRACED = 300
# Codecs whose unreferenced pictures can be skipped, which saves a third of the decoding.
SKIPPABLE = frozenset({"h264", "hevc"})
# A skipped picture may be on screen this long (seconds) at most, or its time would show another.
LONGEST_SKIPPED = 0.051
# AV_PKT_FLAG_KEY, the only flag where none is listed; AV_PKT_FLAG_DISCARD: outside the file's edit
# list, decoded but never shown.
KEY, DISCARD = 0x1, 0x4
# A file that ends this many seconds before its announced end is cut off; sound may outlast
# pictures by a little.
MISSING = 1.5
CUT_OFF = re.compile(r"partial file|File ended prematurely|Packet corrupt")

TIME_BASE = re.compile(r"^#tb 0: (\d{1,10})/([1-9]\d{0,9})$", re.MULTILINE)
# Stream, decoding time, presentation time, duration, size, checksum, flags.
PACKET = re.compile(
    r"^0, *(-?\d{1,19}|NOPTS), *(-?\d{1,19}|NOPTS), *(\d{1,19}), *\d{1,10}, 0x[0-9a-f]{1,8}"
    r"(?:, F=0x([0-9A-Fa-f]{1,8}))?",
    re.MULTILINE,
)
# AV_NOPTS_VALUE: AVI and MPEG keep decoding times alone for some or all of their packets.
NO_TIME = -(2**63)
# What a file says of itself stands in the same text: see the patterns of `probe.py`.
TRACER = r"\[trace_headers @ \w{1,20}\] "
TRACED_PACKET = re.compile(TRACER + r"Packet: \d{1,10} bytes.{0,40}?, pts (-?\d{1,19}), ")
TRACED_FIELD = re.compile(TRACER + r"\d{1,9} +(nal_ref_idc|nal_unit_type) +[01]+ = (\d{1,9})$")


@dataclass(frozen=True)
class Timeline:
    """`duration`: seconds from the first picture's start to the last one's end, or None when the
    packets bear no times. `cut_off`: the file ends before it should. `skippable`: unreferenced
    pictures can be left out, and every sampled frame is one source picture off at most.
    `keyframe_gap`: the longest time without a keyframe, in seconds.
    """

    duration: float | None
    cut_off: bool
    skippable: bool
    keyframe_gap: float = math.inf


class Shown(NamedTuple):
    """A packet whose picture is shown: since when and how long, in ticks."""

    ticks: int
    lasts: int
    key: bool


@dataclass(frozen=True)
class TracedPicture:
    """A coded picture's time, in ticks, and whether others are predicted from it."""

    ticks: int
    referenced: bool


def read_timeline(
    path: Path, about: Probe, limits: Limits, *, program: str, deadline: float
) -> Timeline:
    """Walk a clip's packets, without decoding. Raises ClipError (timeout)."""
    video = open_input(path)[FIRST_VIDEO]
    longest = limits.max_duration_seconds
    outputs = [ffmpeg.output(video, "pipe:", format="framecrc", c="copy", t=longest)]
    if about.codec in SKIPPABLE:
        trace = {"bsf:v": "trace_headers", "frames:v": PACKETS_TRACED}
        outputs.append(ffmpeg.output(video, "pipe:2", format="null", c="copy", **trace))
    arguments = command(program, ffmpeg.merge_outputs(*outputs), said="info")
    outcome = run(arguments, limits, reads=path, most_output=MOST_LISTED, deadline=deadline)
    return timeline_of(outcome.output.decode("ascii", "replace"), outcome.talk, about, longest)


def timeline_of(listing: str, talk: str, about: Probe, longest: float) -> Timeline:
    """ffmpeg's framecrc listing of packets and what it says beside it → the timeline, of which
    `longest` seconds are looked at."""
    cut_off = CUT_OFF.search(talk) is not None
    base, shown = TIME_BASE.search(listing), shown_packets(listing)
    if base is None or not shown:
        return Timeline(None, cut_off, skippable=False)
    tick = int(base[1]) / int(base[2])
    start, end = (ticks * tick for ticks in picture_span(shown))
    expected = min(about.duration or 0.0, longest)
    return Timeline(
        duration=min(end - start, longest),
        cut_off=cut_off or end + MISSING < expected,
        skippable=about.codec in SKIPPABLE and can_skip(traced_pictures(talk, about.codec), tick),
        keyframe_gap=keyframe_gap(shown) * tick,
    )


def shown_packets(listing: str) -> list[Shown]:
    """ffmpeg's framecrc listing → the packets that are shown, as far as they bear times, in the
    order of showing."""
    shown: list[Shown] = []
    for found in PACKET.finditer(listing):
        times = [int(t) for t in (found[2], found[1]) if t != "NOPTS" and int(t) != NO_TIME]
        flags = int(found[4], 16) if found[4] else KEY
        if times and not flags & DISCARD:
            shown.append(Shown(times[0], int(found[3]), bool(flags & KEY)))
    return sorted(shown)


def picture_span(shown: list[Shown]) -> tuple[int, int]:
    """Ticks of the first picture's start and the last one's end."""
    start, (last, lasts, _) = shown[0].ticks, shown[-1]
    if lasts == 0 and len(shown) > 1:
        # The container keeps no durations: the last picture stays as long as the mean of them.
        lasts = round((last - start) / (len(shown) - 1))
    return start, last + lasts


def keyframe_gap(shown: list[Shown]) -> float:
    """Ticks of the longest time without a keyframe; infinity where the first picture is none."""
    if not shown[0].key:
        return math.inf
    ends = [*(packet.ticks for packet in shown if packet.key), shown[-1].ticks]
    return max(later - earlier for earlier, later in pairwise(ends))


def traced_pictures(talk: str, codec: str) -> list[TracedPicture]:
    """ffmpeg's trace of coded headers → the pictures in it, in the order of the file.

    A picture is unreferenced when each of its slices says so: H.264 by a nal_ref_idc of 0 (ITU-T
    H.264, 7.4.1), HEVC by an even nal_unit_type below 16 (ITU-T H.265, table 7-1).
    """
    pictures: list[TracedPicture] = []
    ticks: int | None = None
    ref_idc = 0
    slices: list[bool] = []

    def close() -> None:
        if ticks is not None and slices:
            pictures.append(TracedPicture(ticks, any(slices)))

    for line in talk.split("\n"):
        packet = TRACED_PACKET.match(line)
        field = TRACED_FIELD.match(line) if packet is None else None
        if packet:
            close()
            ticks, slices = int(packet[1]), []
        elif field and field[1] == "nal_ref_idc":
            ref_idc = int(field[2])
        elif field and codec == "h264" and int(field[2]) in (1, 2, 5):
            slices.append(ref_idc != 0)
        elif field and codec == "hevc" and int(field[2]) < 32:
            slices.append(int(field[2]) % 2 == 1 or int(field[2]) >= 16)
    close()
    return pictures


def can_skip(pictures: Iterable[TracedPicture], tick: float) -> bool:
    """Whether the unreferenced pictures stand alone between others, each for a short time only.

    Then a frame sampled without them is one source picture and LONGEST_SKIPPED late at most.
    `tick` is the time base in seconds.
    """
    order = sorted(pictures, key=lambda picture: picture.ticks)
    for here, following in pairwise(order):
        if here.referenced:
            continue
        if not following.referenced or (following.ticks - here.ticks) * tick > LONGEST_SKIPPED:
            return False
    # The first picture starts the clock.
    return bool(order) and order[0].referenced

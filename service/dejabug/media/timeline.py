"""When a clip's frames are shown, according to its packets: its header may be wrong.

Copying packets decodes nothing: it takes 0.05 s where decoding takes 2. The header of a browser's
recording has no duration, that of a truncated file has a wrong one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import ffmpeg

from dejabug.media import gif
from dejabug.media.ffmpeg import command, open_input
from dejabug.media.limited_process import MEBIBYTE, Limits, Outcome, run
from dejabug.media.probe import Probe
from dejabug.media.rendering import DELAYED, FASTEST_DELAY, SLOWED

# Half an hour at 300 frames a second, at about 55 bytes a packet.
MOST_LISTED = 32 * MEBIBYTE
# Packets whose headers are read to learn how the encoder builds its groups of pictures; ffmpeg
# prints about 4 kB per packet.
PACKETS_TRACED = 300
# Fewer traced frames than this say too little about a longer clip.
FEWEST_TRACED = 30
# Units of a stream that are neither pictures nor settings, of which a recorder may write megabytes:
# delimiters, filler (constant bit rate), SEI. ffmpeg would print each byte of them. By ITU-T H.264,
# table 7-1, and ITU-T H.265, table 7-1.
UNTRACED = {"h264": "6|9|12", "hevc": "35|38|39|40"}
# Codecs whose unreferenced frames can be skipped, which saves a third of the decoding.
SKIPPABLE = frozenset({"h264", "hevc"})
# A skipped frame may be on screen for at most this long (seconds), or its time would show another.
LONGEST_SKIPPED = 0.051
# AV_PKT_FLAG_KEY, the only flag if none is listed; AV_PKT_FLAG_DISCARD: outside the file's edit
# list, decoded but never shown.
KEY, DISCARD = 0x1, 0x4
# AV_PKT_FLAG_CORRUPT: a packet with a missing part.
CORRUPT = 0x2
# A file that ends this many seconds before its announced end is truncated; sound may outlast the
# video by a little.
MISSING = 1.5
# What ffmpeg prints for MP4 and Matroska files that end before their own tables say.
CUT_OFF = re.compile(r"partial file|File ended prematurely")
DAMAGED = re.compile(r"Packet corrupt")
# Containers that announce no duration: ffmpeg derives one from the first and last times, which
# restart where two recordings were joined.
UNANNOUNCED = frozenset({"mpegts", "mpeg", "mpegvideo", "gif", "apng"})

TIME_BASE = re.compile(r"^#tb (\d{1,4}): (\d{1,10})/([1-9]\d{0,9})$", re.MULTILINE)
# Stream, decoding time, presentation time, duration, size, checksum, flags.
PACKET = re.compile(
    r"^(?P<stream>\d{1,4}), *(-?\d{1,19}|NOPTS), *(-?\d{1,19}|NOPTS), *(\d{1,19}), *\d{1,10}, "
    r"0x[0-9a-f]{1,8}(?:, F=0x([0-9A-Fa-f]{1,8}))?",
    re.MULTILINE,
)
# AV_NOPTS_VALUE: AVI and MPEG keep decoding times alone for some or all of their packets.
NO_TIME = -(2**63)
# What a file says about itself is in the same text: see the patterns in `probe.py`.
TRACER = r"\[trace_headers @ \w{1,20}\] "
TRACED_PACKET = re.compile(TRACER + r"Packet: \d{1,10} bytes.{0,40}?, pts (-?\d{1,19}), ")
TRACED_FIELD = re.compile(TRACER + r"\d{1,9} +(nal_ref_idc|nal_unit_type) +[01]+ = (\d{1,9})$")


@dataclass(frozen=True)
class Timeline:
    """`duration`: seconds from the first frame's start to the last one's end, or None when the
    packets have no times. `cut_off`: the file ends before it should. `skippable`: unreferenced
    frames can be left out, and every sampled frame is off by at most one source frame.
    `keyframe_gap`: the longest time without a keyframe, in seconds. `start`: when the first frame
    is shown, and `keyframes`: when each keyframe is shown, in seconds of the file's own clock.
    """

    duration: float | None
    cut_off: bool
    skippable: bool
    keyframe_gap: float = math.inf
    start: float = 0.0
    keyframes: tuple[float, ...] = ()


class Shown(NamedTuple):
    """A packet whose frame is shown: from when and for how long, in ticks."""

    ticks: int
    lasts: int
    key: bool


@dataclass(frozen=True)
class TracedPicture:
    """A coded frame's time, in ticks, and whether others are predicted from it."""

    ticks: int
    referenced: bool


def read_timeline(
    path: Path, about: Probe, limits: Limits, *, program: str, deadline: float
) -> Timeline:
    """Read a clip's packets, without decoding. Raises ClipError (timeout)."""
    longest = limits.max_duration_seconds

    def listed(*, every: bool = False, traced: bool = False) -> Outcome:
        source = open_input(path)
        video = source[str(about.track)]
        streams = (source["v"], source["a?"]) if every else (video,)
        outputs = [ffmpeg.output(*streams, "pipe:", format="framecrc", c="copy", t=longest)]
        if traced:
            outputs.append(_trace(video, about.codec))
        arguments = command(program, ffmpeg.merge_outputs(*outputs), said="info")
        return run(arguments, limits, reads=path, most_output=MOST_LISTED, deadline=deadline)

    def listing(outcome: Outcome) -> str:
        return outcome.output.decode("ascii", "replace")

    traced = about.codec in SKIPPABLE
    outcome = listed(traced=traced)
    trace = outcome.talk
    if traced and outcome.status != 0:
        # The trace was longer than what is kept, or failed: this does not mean that the file ends.
        outcome = listed()
    found = timeline_of(listing(outcome), outcome.talk, about, longest, trace=trace)
    if len(outcome.output) >= MOST_LISTED:
        # More packets than are listed: the rest of the file exists, and its length is announced.
        announced = min(about.duration or 0.0, longest)
        return replace(found, duration=max(found.duration or 0.0, announced), cut_off=False)
    if about.container == "gif":
        return replace(found, cut_off=gif.is_cut_off(path))
    if found.cut_off and not CUT_OFF.search(outcome.talk):
        # Frames end early, or a packet is damaged. The file is truncated if all streams end there.
        whole = listed(every=True)
        found = replace(found, cut_off=ends_early(listing(whole), about, longest))
    return found


def _trace(video: Any, codec: str) -> Any:
    """An output that makes ffmpeg print the first frames' headers."""
    # ffmpeg 5 continues past a number of frames while another output does.
    few = f"noise=drop='gt(n,{PACKETS_TRACED})'"
    filters = f"{few},filter_units=remove_types={UNTRACED[codec]},trace_headers"
    return ffmpeg.output(video, "pipe:2", format="null", c="copy", **{"bsf:v": filters})


def timeline_of(
    listing: str, talk: str, about: Probe, longest: float, *, trace: str = ""
) -> Timeline:
    """ffmpeg's framecrc listing of packets, its messages, and its `trace` of headers → the
    timeline, of which `longest` seconds are analysed."""
    cut_off = CUT_OFF.search(talk) is not None or DAMAGED.search(talk) is not None
    base, shown = TIME_BASE.search(listing), shown_packets(listing)
    if base is None or not shown:
        return Timeline(None, cut_off, skippable=False)
    tick = int(base[2]) / int(base[3])
    shown = at_browsers_pace(shown, about.container, tick)
    start, end = (ticks * tick for ticks in picture_span(shown))
    pictures = traced_pictures(trace, about.codec)
    enough = len(pictures) >= min(FEWEST_TRACED, len(shown))
    return Timeline(
        duration=min(end - start, longest),
        cut_off=cut_off or end + MISSING < announced_end(about, longest),
        skippable=about.codec in SKIPPABLE and enough and can_skip(pictures, tick),
        keyframe_gap=keyframe_gap(shown) * tick,
        start=start,
        keyframes=tuple(packet.ticks * tick for packet in shown if packet.key),
    )


def announced_end(about: Probe, longest: float) -> float:
    """Seconds after its start at which the file says that it ends, within the analysed part; 0 if
    it does not say."""
    if about.container in UNANNOUNCED:
        return 0.0
    # Some containers, and some versions of ffmpeg, count from the start, others from 0: only the
    # earlier end is certain to be announced.
    return min((about.duration or 0.0) - about.start, longest)


def ends_early(listing: str, about: Probe, longest: float) -> bool:
    """Whether a file is truncated, by a listing of the packets of all its streams: its last packet
    is incomplete, or none of the streams reaches the announced end."""
    bases = {base[1]: int(base[2]) / int(base[3]) for base in TIME_BASE.finditer(listing)}
    end, flags = 0.0, 0
    for found in PACKET.finditer(listing):
        times = [int(t) for t in (found[3], found[2]) if t != "NOPTS" and int(t) != NO_TIME]
        flags = int(found[5], 16) if found[5] else KEY
        if times:
            end = max(end, (times[0] + int(found[4])) * bases.get(found["stream"], 0.0))
    return bool(flags & CORRUPT) or end + MISSING < announced_end(about, longest)


def shown_packets(listing: str) -> list[Shown]:
    """ffmpeg's framecrc listing → the packets that are shown, if they have times, in display
    order."""
    shown: list[Shown] = []
    for found in PACKET.finditer(listing):
        times = [int(t) for t in (found[3], found[2]) if t != "NOPTS" and int(t) != NO_TIME]
        flags = int(found[5], 16) if found[5] else KEY
        if times and not flags & DISCARD:
            shown.append(Shown(times[0], int(found[4]), bool(flags & KEY)))
    return sorted(shown)


def at_browsers_pace(shown: list[Shown], container: str, tick: float) -> list[Shown]:
    """Packets of a GIF or an animated PNG, each shown as long as browsers show it."""
    if container not in DELAYED:
        return shown
    moved, at = [], shown[0].ticks
    ends = [*(packet.ticks for packet in shown[1:]), shown[-1].ticks + shown[-1].lasts]
    for here, end in zip(shown, ends, strict=True):
        lasts = end - here.ticks
        if lasts * tick <= FASTEST_DELAY:
            lasts = round(SLOWED / tick)
        moved.append(Shown(at, lasts, here.key))
        at += lasts
    return moved


def picture_span(shown: list[Shown]) -> tuple[int, int]:
    """Ticks of the first frame's start and the last one's end."""
    start, (last, lasts, _) = shown[0].ticks, shown[-1]
    if len(shown) > 1 and (lasts == 0 or len({packet.lasts for packet in shown}) == 1):
        # The container keeps no durations, or ffmpeg derives them from the mean rate: assume that
        # the last frame stays as long as most others do; a few may stay much longer.
        usual = round(median(later.ticks - earlier.ticks for earlier, later in pairwise(shown)))
        lasts = min(lasts or usual, usual)
    return start, last + lasts


def keyframe_gap(shown: list[Shown]) -> float:
    """Ticks of the longest time without a keyframe; infinity if the first frame is not one."""
    if not shown[0].key:
        return math.inf
    ends = [*(packet.ticks for packet in shown if packet.key), shown[-1].ticks]
    return max(later - earlier for earlier, later in pairwise(ends))


def traced_pictures(talk: str, codec: str) -> list[TracedPicture]:
    """ffmpeg's trace of coded headers → the frames in it, in the order of the file.

    A frame is unreferenced when each of its slices says so: H.264 by a nal_ref_idc of 0 (ITU-T
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
    """Whether each unreferenced frame is alone between referenced ones, and short.

    Then a frame sampled without them is off by at most one source frame and LONGEST_SKIPPED.
    `tick` is the time base in seconds.
    """
    order = sorted(pictures, key=lambda picture: picture.ticks)
    for here, following in pairwise(order):
        if here.referenced:
            continue
        if not following.referenced or (following.ticks - here.ticks) * tick > LONGEST_SKIPPED:
            return False
    # The first frame starts the clock.
    return bool(order) and order[0].referenced

"""Clips whose times are endless, jump, stand still, or are missing."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from tools.hostile import matroska as mkv
from tools.hostile import movie, pictures, riff
from tools.hostile.kinds import Hostile
from tools.hostile.pictures import jpeg

TEN_HOURS = 36_000


def timed(bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    """Matroska, MP4, AVI, GIF and MPEG-TS files of that kind."""
    yield from _matroska()
    yield from _movies()
    yield from _others(bases)


def _matroska() -> Iterator[Hostile]:
    grey = [jpeg(128, 96, 60 * number) for number in range(4)]
    far = 2**62
    made = {
        "says-10-hours": ("two frames, and a header that says ten hours", [0, 500], 1e6, 36e6),
        "lasts-10-hours": ("the second frame comes after ten hours", [0, 36_000_000], 1e6, None),
        "lasts-for-ever": ("the second frame comes after 146 million years", [0, far], 1e6, None),
        "backwards": ("times that run backwards", [9000, 6000, 3000, 0], 1e6, 9000.0),
        "all-at-once": ("400 frames at one time", [0] * 400, 1e6, None),
        "million-a-second": ("a million frames a second", list(range(400)), 1e3, None),
        "nanoseconds": ("ticks of a nanosecond", [0, 1, 2, 3], 1, None),
        "tick-0": ("ticks of no length", [0, 500], 0, 1000.0),
        "tick-huge": ("ticks of five hundred years", [0, 1, 2], 2**62, 3.0),
        "jumps": ("frames hours apart, back and forth", [0, 10**7, 5, 2 * 10**7], 1e6, None),
        "endless-nan": ("a duration that is not a number", [0, 500], 1e6, float("nan")),
        "endless-inf": ("an infinite duration", [0, 500], 1e6, float("inf")),
        "negative": ("a negative duration", [0, 500], 1e6, -5000.0),
        "many": ("20,000 frames of one millisecond", list(range(20_000)), 1e6, None),
    }
    for name, (why, when, tick, duration) in made.items():
        frames = [(time, grey[number % 4]) for number, time in enumerate(when)]
        if name == "many":
            frames = [(time, jpeg(16, 16, time % 2 * 200)) for time in when]
        content = mkv.matroska([mkv.track(128, 96)], frames, tick=int(tick), duration=duration)
        yield Hostile(f"time-{name}.mkv", "times", why, content)
    for name, default in {"0": 0, "1": 1, "century": 3 * 10**18, "all": 2**63}.items():
        entry = mkv.track(128, 96, more=mkv.element("23E383", default))
        content = mkv.matroska([entry], [(0, grey[0]), (500, grey[1])])
        why = f"frames that claim {default} nanoseconds each"
        yield Hostile(f"time-default-{name}.mkv", "times", why, content)


def _movies() -> Iterator[Hostile]:
    frames = [jpeg(128, 96, 60 * number) for number in range(4)]
    sizes = [len(frame) for frame in frames]
    entry = movie.entry(128, 96)
    plain = movie.samples(sizes, movie.FIRST)

    def stts(*rows: tuple[int, int]) -> bytes:
        told = movie.full(b"stts", movie.table(*rows))
        return movie.samples(sizes, movie.FIRST, stts=told)

    def edits(*rows: tuple[int, int, int]) -> bytes:
        told = movie.table(*rows)
        return movie.box(b"edts", movie.full(b"elst", told))

    rate = 0x10000
    many = [(1, number % 4 * 100, rate) for number in range(20_000)]
    made = {
        "says-10-hours": ("a header that says ten hours", movie.trak(
            entry, plain, duration=TEN_HOURS * 1000)),
        "says-for-ever": ("a header that says 136 years", movie.trak(entry, plain, duration=2**32 - 1,
            tick=1)),
        "lasts-10-hours": ("frames three hours apart", movie.trak(
            entry, stts((4, 10_000_000)), duration=40_000_000)),
        "lasts-for-ever": ("frames a lifetime apart", movie.trak(entry, stts((4, 2**31 - 1)),
            tick=1)),
        "delta-0": ("frames without duration", movie.trak(entry, stts((4, 0)))),
        "delta-negative": ("times that run backwards", movie.trak(entry, stts((4, -100)))),
        "tick-0": ("a clock that does not tick", movie.trak(entry, plain, tick=0)),
        "tick-1": ("a clock that ticks once a second", movie.trak(entry, plain, tick=1)),
        "tick-all": ("four billion ticks a second", movie.trak(
            entry, stts((4, 1)), tick=2**32 - 1)),
        "edit-none": ("an edit list that shows nothing", movie.trak(
            entry, plain, edits=edits((0, 0, rate)))),
        "edit-empty": ("an edit that shows nothing for ten hours", movie.trak(
            entry, plain, edits=edits((TEN_HOURS * 1000, -1, rate), (400, 0, rate)))),
        "edit-far": ("an edit that begins beyond the end", movie.trak(
            entry, plain, edits=edits((400, 10**9, rate)))),
        "edit-still": ("an edit that stands still", movie.trak(
            entry, plain, edits=edits((10**9, 0, 0)))),
        "edit-many": ("20,000 edits", movie.trak(entry, plain, edits=edits(*many))),
        "edit-negative": ("edits of negative durations", movie.trak(
            entry, plain, edits=edits((-5, -5, -rate), (-1, 2**31, rate)))),
        "ctts": ("frames shown decades before they are decoded", movie.trak(entry, plain
            + movie.full(b"ctts", movie.table((2, 2**31 - 1), (2, -(2**31))), version=1))),
        "stts-rows": ("100,000 rows of times for four frames", movie.trak(
            entry, stts(*[(1, number % 7) for number in range(100_000)]))),
    }  # fmt: skip
    for name, (why, track) in made.items():
        yield Hostile(f"time-{name}.mp4", "times", why, movie.movie(frames, track))
    huge = movie.mvhd(duration=2**32 - 1, tick=1)
    content = movie.movie(frames, movie.trak(entry, plain), header=huge)
    yield Hostile("time-movie-for-ever.mp4", "times", "a movie that claims 136 years", content)
    content = movie.movie(frames, movie.trak(entry, plain), header=movie.mvhd(tick=0))
    yield Hostile("time-movie-tick-0.mp4", "times", "a movie whose clock does not tick", content)


def _others(bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    frames = [riff.chunk(b"00dc", jpeg(128, 96, 60 * number)) for number in range(4)]
    for name, (scale, rate) in {
        "0": (0, 0), "rate-0": (1, 0), "fast": (1, 1_000_000), "fastest": (1, 2**32 - 1),
        "slow": (2**32 - 1, 1), "day": (86_400, 1),
    }.items():  # fmt: skip
        stream = riff.video(128, 96, frames=2**31 - 1, scale=scale, rate=rate)
        content = riff.avi([stream], frames, frames=2**31 - 1, microseconds=0)
        why = f"an AVI of {rate} frames in {scale} s that claims two billion"
        yield Hostile(f"time-{name}.avi", "times", why, content)
    still = [(0, 0, 100, 100, 65_535)]
    for name, (why, shown) in {
        "slow": ("five frames of eleven minutes each", still * 5),
        "day": ("a GIF of 200 frames that lasts a day and a half", still * 200),
        "fast": ("a GIF whose frames have no duration", [(0, 0, 100, 100, 0)] * 300),
    }.items():
        yield Hostile(f"time-{name}.gif", "times", why, pictures.gif(100, 100, shown))
    stream = bases.get("mpeg2.ts", b"")
    yield Hostile(
        "time-wrap.ts", "times", "a transport stream whose clock wraps around", _late(stream)
    )
    yield Hostile("time-loop.ts", "times", "a transport stream repeated 20 times", stream * 20)
    ivf = bases.get("vp9.ivf", b"")
    if ivf:
        fast = ivf[:16] + struct.pack("<II", 2**32 - 1, 1) + ivf[24:]
        yield Hostile("time-fast.ivf", "times", "an IVF of 2**32 frames a second", fast)
        slow = ivf[:16] + struct.pack("<II", 0, 0) + ivf[24:]
        yield Hostile("time-0.ivf", "times", "an IVF whose clock does not tick", slow)


def _late(stream: bytes) -> bytes:
    """Packets of a transport stream, the later half with all bits of their clocks (PCR) set."""
    data = bytearray(stream)
    for at in range(len(data) // 376 * 188, len(data) - 12, 188):
        if data[at] == 0x47 and data[at + 3] & 0x20 and data[at + 4] > 6 and data[at + 5] & 0x10:
            data[at + 6 : at + 11] = b"\xff" * 5
    return bytes(data)

"""Wrong sizes and nesting: boxes, elements and chunks with a false end."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from tools.hostile import matroska as mkv
from tools.hostile import movie, riff
from tools.hostile.kinds import Hostile
from tools.hostile.movie import box, box64, full
from tools.hostile.pictures import jpeg

# Sizes that a 32-bit box may claim, and why each is a trap.
CLAIMS = {
    "0": (0, "until the end of the file"),
    "1": (1, "of 64 bits, which are missing"),
    "7": (7, "less than its own header"),
    "8": (8, "nothing"),
    "half": (0x7FFFFFFF, "2 GiB"),
    "sign": (0x80000000, "negative if read as signed"),
    "all": (0xFFFFFFFF, "4 GiB"),
}
DEEP = 3000  # boxes in each other


def boxed(bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    """MP4, Matroska and AVI files of that kind."""
    content = bases["faststart.mp4"]
    for kind in (b"ftyp", b"moov", b"trak", b"stbl", b"stsd", b"mdat"):
        at = content.index(kind) - 4
        for name, (size, why) in CLAIMS.items():
            yield Hostile(
                f"box-{kind.decode()}-{name}.mp4",
                "boxes",
                f"a box {kind.decode()} that claims {why}",
                content[:at] + struct.pack(">I", size) + content[at + 4 :],
            )
    for kind in (b"stts", b"stsz", b"stco", b"stsc", b"ctts", b"stss", b"elst"):
        if kind in content:
            at = content.index(kind) + 8
            counted = content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]
            why = f"a table {kind.decode()} of four billion rows"
            yield Hostile(f"box-count-{kind.decode()}.mp4", "boxes", why, counted)
    yield from _movies()
    yield from _elements()
    yield from _chunks(bases["mjpeg.avi"])


def _movies() -> Iterator[Hostile]:
    frame = jpeg(128, 96)
    tables = movie.samples([len(frame)] * 5, movie.FIRST)
    track = movie.trak(movie.entry(128, 96), tables)
    nested, twice = b"", b""
    for _ in range(DEEP):
        nested = box(b"trak", nested)
    for _ in range(200):
        twice = box(b"moov", box(b"udta", twice[:4000]), twice[:4000])
    big = 2**63 - 1
    made = {
        "deep": (f"{DEEP} nested boxes", movie.movie([frame], nested)),
        "deep-moov": ("moov in moov in moov", movie.ftyp() + twice),
        "overlap": (
            "a box that ends in the middle of the next",
            movie.ftyp() + box(b"free", b"12345678", size=30) + movie.movie([frame], track),
        ),
        "size64": (
            "a box of 64 bits that claims 8 EiB",
            movie.ftyp() + box64(b"mdat", frame, big) + box(b"moov", movie.mvhd(), track),
        ),
        "size64-small": (
            "a box of 64 bits that claims less than its header",
            movie.ftyp() + box64(b"moov", movie.mvhd() + track, 3),
        ),
        "size64-negative": (
            "a box of 64 bits whose size is negative",
            movie.ftyp() + box64(b"moov", movie.mvhd() + track, -16),
        ),
        "self": (
            "fragments whose offsets point back to themselves",
            movie.movie([frame], track)
            + box(b"moof", full(b"mfhd", bytes(4)), box(b"traf", full(
                b"tfhd", struct.pack(">IQ", 1, 0), flags=1), full(
                b"trun", struct.pack(">Ii", 0x7FFFFFFF, -1), flags=1)))
            + box(b"mfra", full(b"mfro", struct.pack(">I", 16))),
        ),
        "samples-outside": (
            "samples beyond the end of the file",
            movie.movie([frame], movie.trak(
                movie.entry(128, 96), movie.samples([len(frame)] * 5, 0x7FFFFF00))),
        ),
        "samples-huge": (
            "samples of 2 GiB each",
            movie.movie([frame], movie.trak(
                movie.entry(128, 96), movie.samples([0x7FFFFFFF] * 5, movie.FIRST))),
        ),
        "samples-one-size": (
            "four billion samples of one size",
            movie.movie([frame], movie.trak(movie.entry(128, 96), b"".join((
                full(b"stts", movie.table((0xFFFFFFFF, 1))),
                full(b"stsc", movie.table((1, 0xFFFFFFFF, 1))),
                full(b"stsz", struct.pack(">II", 1, 0xFFFFFFFF)),
                full(b"stco", movie.table((movie.FIRST,))),
            )))),
        ),
        "no-entries": (
            "a track without sample entries", movie.movie([frame], movie.trak(b"", tables))),
        "entry-mean": (
            "a sample entry shorter than its fields",
            movie.movie([frame], movie.trak(box(b"jpeg", b"12"), tables))),
        "twelve-moovs": (
            "twelve tables of contents", movie.movie([frame], track)
            + box(b"moov", movie.mvhd(), track) * 12),
    }  # fmt: skip
    for name, (why, content) in made.items():
        yield Hostile(f"box-{name}.mp4", "boxes", why, content)


def _elements() -> Iterator[Hostile]:
    frame = jpeg(128, 96)
    sound = mkv.matroska([mkv.track(128, 96)], [(0, frame), (500, frame)])
    nested = b""
    for _ in range(DEEP):
        nested = mkv.element(mkv.SIMPLE_TAG, nested)
    at = sound.index(bytes.fromhex(mkv.SEGMENT)) + 4
    tracks = sound.index(bytes.fromhex(mkv.TRACKS)) + 4
    laced = bytes([0x81]) + struct.pack(">hB", 0, 0x86) + b"\xff" + b"\xff" * 300
    made = {
        "endless": ("a segment of unknown size", _resized(sound, at, mkv.UNKNOWN)),
        "exabytes": ("a segment of 64 PiB", _resized(sound, at, mkv.length(2**56 - 2))),
        "empty": ("a segment of no bytes", _resized(sound, at, mkv.length(0))),
        "tracks-huge": ("tracks larger than the file", _resized(sound, tracks, mkv.length(2**50))),
        "tracks-endless": ("tracks of unknown size", _resized(sound, tracks, mkv.UNKNOWN)),
        "deep": (
            f"{DEEP} nested tags",
            mkv.matroska(
                [mkv.track(128, 96)],
                [(0, frame)],
                before=mkv.element(mkv.TAGS, mkv.element(mkv.TAG, nested)),
            ),
        ),
        "laced": (
            "256 frames in one block, with inconsistent sizes",
            mkv.matroska(
                [mkv.track(128, 96)],
                [(0, frame)],
                after=mkv.cluster(10, mkv.element(mkv.BLOCK, laced)),
            ),
        ),
        "block-huge": (
            "a block of 1 TiB",
            mkv.matroska(
                [mkv.track(128, 96)],
                after=mkv.cluster(0, mkv.element(mkv.BLOCK, b"\x81\0\0\0" + frame, mkv.length(2**40))),
            ),
        ),
        "number-wide": (
            "a width of eight bytes, all set",
            mkv.matroska([mkv.track(2**63 - 1, 96)], [(0, frame)]),
        ),
    }  # fmt: skip
    for name, (why, content) in made.items():
        yield Hostile(f"box-{name}.mkv", "boxes", why, content)


def _resized(content: bytes, at: int, size: bytes) -> bytes:
    return content[:at] + size + content[at + 8 :]


def _chunks(base: bytes) -> Iterator[Hostile]:
    frame = jpeg(128, 96)
    stream = riff.video(128, 96, frames=5)
    whole = riff.avi([stream], [riff.chunk(b"00dc", frame)] * 5, frames=5)
    index = [struct.pack("<4sIII", b"00dc", 0x10, 0x7FFFFFFF, 0x7FFFFFFF)] * 50
    made = {
        "riff-0": ("a RIFF of no bytes", base[:4] + bytes(4) + base[8:]),
        "riff-all": ("a RIFF of 4 GiB", base[:4] + b"\xff" * 4 + base[8:]),
        "frame-all": (
            "a frame of 4 GiB",
            riff.avi([stream], [riff.chunk(b"00dc", frame, size=-1)] * 3, frames=3),
        ),
        "index": ("an index that points far beyond the end", whole + riff.chunk(b"idx1", *index)),
        "strf": (
            "a format shorter than its fields",
            riff.avi([riff.listed(b"strl", riff.chunk(b"strf", b"12"))], [], frames=1),
        ),
        "deep": ("lists in lists", riff.chunk(b"RIFF", b"AVI ", _lists())),
    }
    for name, (why, content) in made.items():
        yield Hostile(f"box-{name}.avi", "boxes", why, content)


def _lists() -> bytes:
    nested = b""
    for _ in range(DEEP):
        nested = riff.listed(b"hdrl", nested)
    return nested

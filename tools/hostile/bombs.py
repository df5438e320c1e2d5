"""Decompression bombs: compressed data, huge images of one colour, very many frames."""

from __future__ import annotations

import gzip
import struct
import subprocess
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from tools.hostile import matroska as mkv
from tools.hostile import movie, pictures, riff
from tools.hostile.kinds import Hostile
from tools.hostile.pictures import jpeg

GIB = 2**30
# The largest frame that is decoded, and one that is too large.
MOST = (8192, 8096)
BEYOND = (20_000, 20_000)
MOST_BYTES = 10_000_000
# ffmpeg's encoder → Matroska's name of what it writes.
CODECS = {
    "libx264": "V_MPEG4/ISO/AVC",
    "libvpx-vp9": "V_VP9",
    "libvpx": "V_VP8",
    "libx265": "V_MPEGH/ISO/HEVC",
}
# The encoders' fastest modes: they take seconds and gigabytes otherwise.
QUICK_X26 = ("-preset", "ultrafast", "-tune", "zerolatency")
QUICK_VPX = ("-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0")


def bombs(program: str) -> Iterator[Hostile]:
    """Images, compressed containers, and clips of huge still frames."""
    for name, (why, content) in _pictures().items():
        yield Hostile(f"bomb-{name}", "bombs", why, content)
    for name, (why, content) in _packed().items():
        yield Hostile(f"bomb-{name}", "bombs", why, content)
    with ThreadPoolExecutor(2) as pool:
        one_frame = dict(zip(CODECS, pool.map(partial(_key_frame, program), CODECS), strict=True))
    for codec, frame in one_frame.items():
        if frame is None:
            continue
        label = CODECS[codec]
        frames = [(n * 10, frame) for n in range(max(1, min(3000, MOST_BYTES // len(frame))))]
        width, height = MOST
        content = mkv.matroska([mkv.track(width, height, codec=label)], frames)
        why = f"{len(frames)} frames of {width} x {height} in one colour ({codec})"
        yield Hostile(f"bomb-{codec}.mkv", "bombs", why, content)
    width, height = MOST
    large = [(n * 100, jpeg(width, height, 40 * n)) for n in range(5)]
    content = mkv.matroska([mkv.track(width, height)], large)
    yield Hostile("bomb-mjpeg.mkv", "bombs", f"JPEGs of {width} x {height}", content)
    stream = riff.video(width, height, frames=2000, codec=b"MRLE")
    content = riff.avi([stream], [riff.chunk(b"00dc", b"\0\1")] * 2000, frames=2000)
    yield Hostile("bomb-rle.avi", "bombs", "2,000 huge frames of two bytes each", content)
    stream = riff.video(width, height, frames=2000, codec=b"ZMBV")
    packed = b"\x01" + b"\0\1\1\x08\x10\x10" + squeezed(256 * 2**20)
    content = riff.avi([stream], [riff.chunk(b"00dc", packed)] * 20, frames=20)
    yield Hostile("bomb-zmbv.avi", "bombs", "frames compressed a thousandfold", content)


@cache
def squeezed(size: int) -> bytes:
    """`size` zeros, compressed (zlib) to a thousandth of that."""
    packer = zlib.compressobj(9, wbits=-15)
    whole, rest = divmod(size, 2**20)
    # Blocks that are compressed independently are all the same.
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(bytes(rest)) + packer.flush()
    # Adler-32 of zeros (RFC 1950): its first half is 1, its second their number.
    return b"\x78\xda" + block * whole + last + struct.pack(">HH", size % 65521, 1)


def _pictures() -> dict[str, tuple[str, bytes]]:
    made = {}
    for name, (width, height) in {"most": MOST, "beyond": BEYOND}.items():
        rows = squeezed((1 + 3 * width) * min(height, 8096))
        made[f"{name}.png"] = (f"PNG of {width} x {height}", pictures.png(width, height, rows=rows))
        deep = pictures.SIGNATURE + pictures.header(width, height, 16, 6, 1)
        made[f"{name}-deep.png"] = (
            f"interlaced PNG of {width} x {height}, 64 bits a pixel",
            deep + pictures.chunk(b"IDAT", rows) + pictures.END,
        )
        made[f"{name}.gif"] = (
            f"GIF of 100 frames of {width} x {height}",
            pictures.gif(width, height, [(0, 0, width, height, 4)] * 100),
        )
        moves = b"".join(_apng_frame(n, width, height, rows) for n in range(3))
        made[f"{name}.apng"] = (
            f"animated PNG of {width} x {height}",
            pictures.png(
                width, height, pictures.chunk(b"acTL", struct.pack(">II", 9999, 0)), moves
            ),
        )
    text = b"Comment\0\0" + squeezed(GIB)
    small = zlib.compress(bytes((1 + 3 * 100) * 100))
    made["text.png"] = (
        "PNG with a comment of a gigabyte, compressed",
        pictures.png(100, 100, pictures.chunk(b"zTXt", text), rows=small),
    )
    made["profile.png"] = (
        "PNG with a colour profile of a gigabyte, compressed",
        pictures.png(100, 100, pictures.chunk(b"iCCP", b"x\0\0" + squeezed(GIB)), rows=small),
    )
    made["rows.png"] = (
        "PNG of 100 x 100 with a gigabyte of rows",
        pictures.png(100, 100, rows=squeezed(GIB)),
    )
    made["chunks.png"] = (
        "PNG of 200,000 empty chunks",
        pictures.png(100, 100, pictures.chunk(b"teXt", b"") * 200_000, rows=small),
    )
    made["scans.jpg"] = ("JPEG of thousands of scans", _scans(3000))
    return made


def _apng_frame(number: int, width: int, height: int, rows: bytes) -> bytes:
    told = struct.pack(">IIIIIHHBB", number * 2, width, height, 0, 0, 1, 10, 0, 0)
    data = pictures.chunk(b"fdAT", struct.pack(">I", number * 2 + 1) + rows)
    return pictures.chunk(b"fcTL", told) + data


def _scans(number: int) -> bytes:
    """A JPEG whose scan is repeated many times, each of a huge image."""
    head, mark, scan = jpeg(2000, 2000).partition(b"\xff\xda")
    return head + (mark + scan[:12] + b"\0" * 8) * number + mark + scan


def _packed() -> dict[str, tuple[str, bytes]]:
    frame = jpeg(128, 96)
    track = movie.trak(movie.entry(128, 96), movie.samples([len(frame)] * 5, movie.FIRST))
    moov = movie.box(b"moov", movie.mvhd(), track)
    made = {}
    for name, size, packed in (
        ("sound", len(moov), zlib.compress(moov)),
        ("gigabyte", GIB, squeezed(GIB)),
        ("lie-all", 2**32 - 1, zlib.compress(moov)),
        ("lie-small", 10, squeezed(GIB)),
        ("within", 256 * 2**20, squeezed(256 * 2**20)),
    ):
        cmov = movie.box(
            b"cmov",
            movie.box(b"dcom", b"zlib"),
            movie.box(b"cmvd", struct.pack(">I", size), packed),
        )
        content = movie.ftyp() + movie.box(b"mdat", frame) + movie.box(b"moov", cmov)
        made[f"cmov-{name}.mov"] = (f"a compressed table of contents ({name})", content)
    for name, method in {"zlib": 0, "bzip2": 1, "lzo": 2, "strip": 3}.items():
        told = mkv.element("4254", method) + mkv.element("4255", b"x" * 64)
        packing = mkv.element("6240", mkv.element("5031", 0) + mkv.element("5034", told))
        entry = mkv.track(128, 96, more=mkv.element("6D80", packing))
        frames = [(n * 100, squeezed(GIB)) for n in range(3)]
        made[f"track-{name}.mkv"] = (
            f"frames of a gigabyte, compressed ({name})", mkv.matroska([entry], frames)
        )  # fmt: skip
    made["gzip.mp4"] = ("a gigabyte of zeros in gzip", gzip.compress(bytes(GIB // 16), 9))
    return made


def _key_frame(program: str, codec: str) -> bytes | None:
    """One frame of one colour as this codec writes it; None if this ffmpeg does not."""
    width, height = MOST
    source = f"color=gray:size={width}x{height}:rate=1:duration=1"
    form = {"libx264": "h264", "libx265": "hevc"}.get(codec, "ivf")
    fast = QUICK_X26 if codec.startswith("libx26") else QUICK_VPX
    done = subprocess.run(
        [program, "-v", "error", "-nostdin", "-f", "lavfi", "-i", source, "-frames:v", "1",
         "-c:v", codec, *fast, "-fflags", "+bitexact", "-f", form, "-"],
        capture_output=True,
        check=False,
    )  # fmt: skip
    # IVF has a header of 32 bytes, and 12 before each frame.
    return done.stdout[44 if form == "ivf" else 0 :] or None

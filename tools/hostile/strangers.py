"""Files that are not recordings, and a recording with a hole of gigabytes."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator, Mapping

from tools.hostile.kinds import Hostile

FOUR_GB = 4 * 2**30


def strangers(bases: Mapping[str, bytes], seed: int) -> Iterator[Hostile]:
    """What people attach by mistake, or to see what happens."""
    noise = random.Random(seed).randbytes(50_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("clip.mp4", bases["h264.mp4"])
    made: dict[str, tuple[str, bytes]] = {
        "nothing.mp4": ("no bytes", b""),
        "one.mp4": ("one byte", b"\0"),
        "zeros.mp4": ("zeros", bytes(100_000)),
        "ones.mkv": ("all bits set", b"\xff" * 100_000),
        "noise.mp4": ("noise", noise),
        "noise.ts": ("noise with a transport stream's sync bytes", b"".join(
            b"\x47" + noise[n : n + 187] for n in range(0, 40_000, 187))),
        "noise.h264": ("start codes and noise", b"".join(
            b"\0\0\1" + noise[n : n + 50] for n in range(0, 20_000, 50))),
        "noise.mpg": ("pack headers and noise", b"".join(
            b"\0\0\1\xba" + noise[n : n + 60] for n in range(0, 20_000, 60))),
        "zip.mp4": ("a ZIP file with a clip in it", packed.getvalue()),
        "program.mp4": ("a Windows program", b"MZ" + noise[:2000]),
        "elf.mp4": ("a Linux program", b"\x7fELF\2\1\1" + noise[:2000]),
        "script.mp4": ("a shell script", b"#!/bin/sh\ntouch /tmp/pwned\n"),
        "page.mp4": ("a web page", b"<!doctype html><html><body>Please log in</body></html>"),
        "paper.mp4": ("a PDF", b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF"),
        "letter.mp4": ("a text", b"Dear Sir or Madam,\n" * 500),
        "json.mp4": ("JSON, deeply nested", b"[" * 100_000),
        "shell.gif": ("a GIF that is a script too", b"GIF89a/*\n*/=1;alert(1)"),
        "half-head.png": ("eight bytes of PNG", b"\x89PNG\r\n\x1a\n"),
        "half-head.jpg": ("three bytes of JPEG", b"\xff\xd8\xff"),
        "half-head.webp": ("a WebP's first bytes", b"RIFF\x40\0\0\0WEBPVP8 "),
        "half-head.bmp": ("a bitmap's first bytes", b"BM" + bytes(12) + b"("),
        "named.heic": ("a HEIC header", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + noise[:500]),
        "named.avif": ("an AVIF header", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + noise[:500]),
        "tiff.png": ("a TIFF", b"II*\0\x08\0\0\0" + noise[:500]),
        "exr.png": ("an OpenEXR", b"\x76\x2f\x31\x01\2\0\0\0" + noise[:500]),
        "jpeg2000.jpg": ("a JPEG 2000", b"\xff\x4f\xff\x51" + noise[:500]),
        "jxl.jpg": ("a JPEG XL", b"\xff\x0a" + noise[:500]),
        "psd.png": ("a Photoshop file", b"8BPS\0\1" + noise[:500]),
        "flash.mp4": ("a Flash movie", b"CWS\x0a" + noise[:2000]),
        "matroska.mp4": ("a Matroska header and noise", b"\x1aE\xdf\xa3" + noise[:2000]),
        "ogg.mp4": ("an Ogg page of noise", b"OggS\0\2" + noise[:2000]),
        "asf.mp4": ("an ASF header and noise", bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
                    + noise[:3000]),
        "mxf.mp4": ("an MXF key and noise", bytes.fromhex("060E2B34020501010D01020101020400")
                    + noise[:3000]),
    }  # fmt: skip
    for name, (why, content) in made.items():
        yield Hostile(f"stranger-{name}", "strangers", why, content)
    why = "four gigabytes, almost all of them a hole"
    yield Hostile("stranger-4-gb.mp4", "strangers", why, bases["h264.mp4"], FOUR_GB)
    yield Hostile("stranger-4-gb-zeros.mkv", "strangers", why, b"", FOUR_GB)
    why = "a clip followed by a hole of 900 megabytes"
    yield Hostile("stranger-hole.ts", "strangers", why, bases["h264.ts"], 900 * 2**20)
    yield Hostile("stranger-hole.mp4", "strangers", why, bases["faststart.mp4"], 900 * 2**20)
    yield Hostile("stranger-hole.mpg", "strangers", why, bases["mpeg2.mpg"], 900 * 2**20)

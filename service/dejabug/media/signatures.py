"""A file's first bytes → which kind of recording or image it is.

Pure functions. They recognise the containers that `ffmpeg.py` lets ffmpeg read, and the images of
`kinds.py`. Files with only sound, or images that are not read here, are excluded if their first
bytes show it. If a signature is short, more than the signature is checked: a text file must not
pass for a recording.
"""

from __future__ import annotations

import re

from dejabug.media.kinds import PNG, demuxer_of

# This many bytes of a file are enough for all checks.
HEAD_BYTES = 4096

# ISO base media (MP4, MOV): boxes that a file may begin with, after four bytes of length. A segment
# begins with `styp`, `sidx`, `moof`, `emsg` or `prft`; old QuickTime files with the others.
FIRST_BOXES = frozenset(
    {
        b"moov",
        b"moof",
        b"styp",
        b"sidx",
        b"emsg",
        b"prft",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"pnot",
    }
)
# Boxes without meaning that precede the others.
FILLING_BOXES = frozenset({b"free", b"skip", b"wide"})
# Lengths of a first box that is not the video data: a text's letters would mean 500 MB and more.
LONGEST_BOX = 1 << 28
# Brands of files without video: HEIF and AVIF images, camera raw, JPEG 2000, sound alone.
OTHER_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf avif avis avio jpeg jpgs crx  "
    b"jp2  jpx  jpm  M4A  M4B  M4P  F4A  F4B  aax  aaxc".split()
)
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
EBML = b"\x1aE\xdf\xa3"
# MXF's first partition pack (SMPTE ST 377-1), which up to 64 KiB of other data may precede.
MXF = bytes.fromhex("060e2b34020501010d0102")
AVI = frozenset({b"AVI ", b"AVI\x19", b"AVIX"})
# First bytes of an Ogg stream with video: Theora, Dirac, OGM, VP8, Daala.
OGG_VIDEO = (b"\x80theora", b"BBCD\0", b"\x01video\0\0\0", b"OVP80", b"\x80daala")
# A page's flag: its stream begins here.
OGG_BEGINS = 0x02
SYNC = 0x47  # the first byte of an MPEG-TS packet
# Sizes of MPEG-TS packets: plain, with a time before (Blu-ray), with a checksum after.
TS_PACKETS = (188, 192, 204)
# Packets that must follow each other, and the most that are checked.
FEWEST_PACKETS, MOST_PACKETS = 5, 16
MPEG_PACK, MPEG_SEQUENCE = b"\0\0\x01\xba", b"\0\0\x01\xb3"
FLV_HEADER = 9  # bytes, as the header itself says
IVF = re.compile(rb"DKIF\0\0 \0", re.DOTALL)


def media_kind(head: bytes) -> str | None:
    """Which kind of recording or image a file with these first bytes is (`mp4`, `matroska`, `png`,
    …); None for anything else. HEAD_BYTES are enough; pass fewer only for a shorter file."""
    return _picture(head) or _by_magic(head) or _iso(head) or _ogg(head) or _mpeg(head)


def is_media(head: bytes) -> bool:
    """Whether a file with these first bytes is a recording or an image."""
    return media_kind(head) is not None


def _picture(head: bytes) -> str | None:
    if head.startswith(PNG):
        return "png"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    demuxer = demuxer_of(head)
    return demuxer.removesuffix("_pipe") if demuxer else None


def _by_magic(head: bytes) -> str | None:
    """The kinds that begin with their own magic number."""
    if head.startswith(EBML):
        # Its DocType is within its first header.
        return "matroska" if b"matroska" in head[:256] or b"webm" in head[:256] else None
    if head.startswith(ASF):
        return "asf"
    if head[:4] == b"RIFF" and head[8:12] in AVI:
        return "avi"
    if head[:3] == b"FLV" and head[3:4] < b"\5" and head[5:9] == FLV_HEADER.to_bytes(4):
        return "flv"
    if IVF.match(head):
        return "ivf"
    if head.startswith(b"YUV4MPEG2 "):
        return "y4m"
    return "mxf" if MXF in head else None


def _iso(head: bytes) -> str | None:
    """MP4, MOV, 3GP, Motion JPEG 2000, and segments of them."""
    if head.startswith(JPEG_2000):
        head = head[len(JPEG_2000) :]
        return "mp4" if head[4:12] in (b"ftypmjp2", b"ftypmj2s") else None
    size, kind = int.from_bytes(head[:4]), head[4:8]
    if kind == b"ftyp":
        return "mp4" if 8 < size < LONGEST_BOX and head[8:12].strip() not in OTHER_BRANDS else None
    if kind in FILLING_BOXES and 8 <= size <= len(head) - 8:
        return _iso(head[size:]) if head[size + 4 : size + 8] not in FILLING_BOXES else "mp4"
    # The video data may have any length: 0 to the end of the file, 1 with a longer number after it.
    if kind == b"mdat":
        fits = size < 2 or (size >= 8 and not all(32 <= byte < 127 for byte in head[:4]))
    else:
        fits = 8 <= size < LONGEST_BOX
    return "mp4" if kind in FIRST_BOXES and fits else None


def _ogg(head: bytes) -> str | None:
    """Ogg with video in one of its streams, which all begin before any continues (RFC 3533)."""
    at = 0
    while head[at : at + 5] == b"OggS\0" and at + 27 <= len(head) and head[at + 5] & OGG_BEGINS:
        lengths = head[at + 27 : at + 27 + head[at + 26]]
        packet = at + 27 + len(lengths)
        if head[packet:].startswith(OGG_VIDEO):
            return "ogg"
        at = packet + sum(lengths)
    return None


def _mpeg(head: bytes) -> str | None:
    """MPEG-1 and 2: a program stream, a transport stream, or a bare video stream."""
    following = head[4] if len(head) > 4 else 0
    # ISO/IEC 13818-1, 2.5.3.4: "01" in MPEG-2, "0010" and a marker bit in MPEG-1.
    if head.startswith(MPEG_PACK) and (following & 0xC4 == 0x44 or following & 0xF1 == 0x21):
        return "mpeg"
    if head.startswith(MPEG_SEQUENCE) and len(head) >= 8:
        # 13818-2, 6.2.2.1: two sides of twelve bits, then aspect and rate, none of which is 0.
        sides = int.from_bytes(head[4:7])
        if sides >> 12 and sides & 0xFFF and head[7] >> 4 and head[7] & 0xF:
            return "mpegvideo"
    return "mpegts" if any(_is_transport(head, size) for size in TS_PACKETS) else None


def _is_transport(head: bytes, size: int) -> bool:
    """Whether packets of this size follow each other; the first may lack its beginning."""
    for start in range(min(size, len(head))):
        if head[start] != SYNC:
            continue
        packets = [head[at : at + 4] for at in range(start, len(head) - 3, size)][:MOST_PACKETS]
        if len(packets) >= FEWEST_PACKETS and all(map(_is_packet, packets)):
            return len(set(packets)) > 1  # lines of a text that begin alike would be equal
    return False


def _is_packet(header: bytes) -> bool:
    # 13818-1, 2.4.3.2: a sync byte, no error, and an adaptation field or a payload.
    return header[0] == SYNC and not header[1] & 0x80 and bool(header[3] & 0x30)

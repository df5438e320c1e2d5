"""What an attachment is: its name and type say whether to download it, its bytes how to read it.
(`signatures.py` checks the bytes of files whose name and type say nothing.)

A single image is read by the one demuxer that its first bytes name. By default ffmpeg would choose
`image2` for a file with an image's name, which reads the name as a pattern of many files.
"""

from __future__ import annotations

import unicodedata
from io import BytesIO
from pathlib import Path
from typing import BinaryIO


def _words(table: str) -> frozenset[str]:
    return frozenset(table.split())


# Extensions of recordings whose container one of the demuxers in `ffmpeg.py` reads.
VIDEO_SUFFIXES = _words(
    """
    3g2 3gp 3gp2 3gpp 3gpp2 apng asf avi cmfv divx dvr-ms evo f4v flv gif gifv glv insv ismv
    ivf k3g lrv m1v m2p m2t m2ts m2v m4s m4v mj2 mk3d mkv mov mp2v mp4 mp4v mpe mpeg mpeg4 mpg
    mpg4 mpv mpv2 mqv mts mxf ogm ogv ogx qt tod tp trp ts vob vro webm wm wmv xvid y4m
    """
)
IMAGE_SUFFIXES = _words(
    """
    bmp dib jfif jif jpe jpeg jpg pjp pjpeg png webp
    """
)
# Extensions of files whose bytes need no check, whatever type they were sent as: archives and
# programs; logs, dumps and traces; texts and code; documents; images and sound that are not read
# here; files of engines and tools.
OTHER_SUFFIXES = _words(
    """
    7z aab apk app appx bz2 cab deb dll dmg egg exe gz ipa iso jar lz4 msi msix pak pkg rar
    rpm so tar tbz tgz txz whl xz zip zst

    crash dmp dump etl evtx har hprof log mdmp nsys-rep pcap pcapng pdb perf sym trace utrace
    wer

    bat bib c cc cfg cmd conf cpp cs css csv diff eml go h hpp htm html ics ini ipynb java js
    json jsonl jsx kt log4j lua md msg patch php plist properties ps1 py rb reg rs rst rtf sh
    sql srt svg swift tex toml tsv tsx txt vtt xhtml xml yaml yml

    doc docm docx epub key numbers odp ods odt pages pdf pot potx ppt pptm pptx vsd vsdx xls
    xlsb xlsm xlsx

    aac ai aif aiff avif cr2 cr3 dds dng eps exr fla flac fig heic heif hdr ico icns indd jp2
    jxl kra m4a m4b mid midi mka mp2 mp3 nef oga opus psb psd raw sketch swf tga tif tiff wav
    weba wma xcf xd

    blend cer crt db dbf fbx gltf glb lnk max mb mdb obj otf p12 pem pfx pyc sqlite sqlite3
    ttf uasset umap unitypackage url woff woff2
    """
)
# Types of recordings that do not start with video/.
VIDEO_TYPES = _words(
    """
    application/mp4 application/mxf application/vnd.ms-asf application/x-matroska
    application/x-troff-msvideo image/apng image/gif image/vnd.mozilla.apng
    """
)
IMAGE_TYPES = _words(
    """
    image/bmp image/jpeg image/jpg image/pjpeg image/png image/webp image/x-bmp image/x-ms-bmp
    image/x-png image/x-windows-bmp
    """
)
# Types that say nothing about a file. Ogg's does not say whether there is more than sound in it.
UNTOLD_TYPES = _words(
    """
    application/binary application/data application/download application/force-download
    application/octet application/octet-stream application/octetstream application/ogg
    application/unknown application/x-binary application/x-download application/x-octet-stream
    application/x-unknown binary/octet-stream content/unknown unknown/unknown
    """
)
LONGEST_SUFFIX = 10

PNG = b"\x89PNG\r\n\x1a\n"
# The first bytes of an MPEG program stream: a pack header (ISO/IEC 13818-1, 2.5.3.4).
PACK = b"\0\0\1\xba"
JPEG = b"\xff\xd8\xff"
# Sizes of a bitmap's second header (BITMAPCOREHEADER to BITMAPV5HEADER): "BM" alone says little.
BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
# The animation bit in the flags of an extended WebP file (RFC 9649, 2.7).
ANIMATED = 0x02
# Chunks of a PNG to check: only a crafted file has hundreds of small ones before its image data.
MOST_CHUNKS = 1000


def suffix_of(filename: str) -> str:
    """A file name's extension, in lower case and without the dot; empty if there is none.

    Ignores spaces, dots, quotes and invisible characters at the end: `clip.mp4 ` is an MP4 file,
    and so is `Clip.MP4.`.
    """
    name = unicodedata.normalize("NFKC", filename)
    end = len(name)
    while end and not name[end - 1].isalnum():
        end -= 1
    _, dot, suffix = name[:end].rpartition(".")
    suffix = suffix.strip().lower()
    plain = suffix.replace("-", "")
    good = dot and plain.isascii() and plain.isalnum() and len(suffix) <= LONGEST_SUFFIX
    return suffix if good else ""


def is_video(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment is a clip, by its type or its name."""
    kind = _type(mime_type)
    named_so = suffix_of(filename) in VIDEO_SUFFIXES
    return kind.startswith("video/") or kind in VIDEO_TYPES or named_so


def is_image(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment is a screenshot, by its type or its name; a GIF counts as a clip."""
    if is_video(filename, mime_type):
        return False
    return _type(mime_type) in IMAGE_TYPES or suffix_of(filename) in IMAGE_SUFFIXES


def is_evidence(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment shows a bug: a clip or a screenshot."""
    return is_video(filename, mime_type) or is_image(filename, mime_type)


def may_be_evidence(filename: str, mime_type: str | None) -> bool:
    """Whether only an attachment's first bytes can tell (`signatures.py`): neither its type nor its
    name says what it is."""
    if is_evidence(filename, mime_type):
        return False
    kind = _type(mime_type)
    return (not kind or kind in UNTOLD_TYPES) and suffix_of(filename) not in OTHER_SUFFIXES


def _type(mime_type: str | None) -> str:
    """A media type without its parameters."""
    return (mime_type or "").partition(";")[0].strip().lower()


# An image's demuxer


def image_demuxer(path: Path) -> str | None:
    """The ffmpeg demuxer of a file that holds one image, by its first bytes; None for others."""
    with path.open("rb") as file:
        demuxer = demuxer_of(file.read(32))
        return None if demuxer == "png_pipe" and _is_animated_png(file) else demuxer


def clip_demuxer(path: Path) -> str | None:
    """The ffmpeg demuxer of a clip that ffmpeg may mistake for something else; None for others.

    It mistakes an animated PNG for a single image if the colour profile is longer than the 2 KiB
    that it checks first, and some MPEG program streams for transport streams.
    """
    with path.open("rb") as file:
        head = file.read(len(PNG))
        if head.startswith(PACK):
            return "mpeg"
        return "apng" if head == PNG and _is_animated_png(file) else None


def demuxer_of(head: bytes) -> str | None:
    """The same from a file's first bytes (at least 32).

    An animated WebP or PNG is not a single image but is read as a clip. (A PNG says so after its
    colour profile, if it has one; only these bytes are checked.)
    """
    if head.startswith(PNG):
        return None if _is_animated_png(BytesIO(head)) else "png_pipe"
    if head.startswith(JPEG):
        return "jpeg_pipe"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and len(head) > 20 and head[20] & ANIMATED
        return None if animated else "webp_pipe"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BITMAP_HEADERS:
        return "bmp_pipe"
    return None


def _is_animated_png(file: BinaryIO) -> bool:
    """Whether a PNG announces more than one frame (`acTL`) before its image data (PNG, third
    edition, 11.3.6.1). Skips chunks, however large."""
    file.seek(len(PNG))
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        kind = header[4:]
        if len(kind) < 4 or kind in (b"IDAT", b"IEND"):
            return False
        if kind == b"acTL":
            return int.from_bytes(file.read(4)) > 1
        file.seek(int.from_bytes(header[:4]) + 4, 1)  # and its checksum
    return False

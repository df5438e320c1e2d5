"""What a file is by its first bytes: real files made by ffmpeg, and files that only look like
them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.media.signatures import HEAD_BYTES, is_media, media_kind

SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1"]
SOUND = ["-f", "lavfi", "-i", "sine=duration=1"]
# A name that tells nothing, how ffmpeg writes it, and what it is.
MADE = [
    ("mp4", ["-c:v", "mpeg4", "-f", "mp4"]),
    ("mp4", ["-c:v", "mpeg4", "-f", "mov"]),
    ("mp4", ["-c:v", "mpeg4", "-f", "3gp"]),
    ("mp4", ["-c:v", "libx264", "-f", "f4v"]),
    ("mp4", ["-c:v", "mpeg4", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov+dash"]),
    ("matroska", ["-c:v", "mpeg4", "-f", "matroska"]),
    ("matroska", ["-c:v", "libvpx", "-f", "webm"]),
    ("avi", ["-c:v", "mpeg4", "-f", "avi"]),
    ("asf", ["-c:v", "wmv2", "-f", "asf"]),
    ("flv", ["-c:v", "flv", "-f", "flv"]),
    ("ogg", ["-c:v", "libtheora", "-f", "ogg"]),
    ("ivf", ["-c:v", "libvpx", "-f", "ivf"]),
    ("y4m", ["-f", "yuv4mpegpipe"]),
    ("mpeg", ["-c:v", "mpeg1video", "-f", "mpeg"]),
    ("mpeg", ["-c:v", "mpeg2video", "-f", "vob"]),
    ("mpegts", ["-c:v", "mpeg2video", "-f", "mpegts"]),
    ("mpegts", ["-c:v", "mpeg2video", "-f", "mpegts", "-mpegts_m2ts_mode", "1"]),
    ("mpegvideo", ["-c:v", "mpeg2video", "-f", "mpeg2video"]),
    ("mpegvideo", ["-c:v", "mpeg1video", "-f", "mpeg1video"]),
    ("mxf", ["-c:v", "mpeg2video", "-f", "mxf"]),
    ("gif", ["-f", "gif"]),
    ("png", ["-f", "apng"]),
    ("png", ["-frames:v", "1", "-c:v", "png", "-f", "image2pipe"]),
    ("jpeg", ["-frames:v", "1", "-c:v", "mjpeg", "-f", "image2pipe"]),
    ("bmp", ["-frames:v", "1", "-c:v", "bmp", "-f", "image2pipe"]),
    ("webp", ["-frames:v", "1", "-c:v", "libwebp", "-f", "image2pipe"]),
]


@pytest.mark.parametrize(
    ("kind", "how"), MADE, ids=lambda made: made if isinstance(made, str) else made[-1]
)
def test_what_ffmpeg_writes_is_known_by_its_beginning(
    kind: str, how: list[str], tmp_path: Path, ffmpeg: Callable[..., Path]
) -> None:
    path = ffmpeg(tmp_path / "recording", *SOURCE, *how)
    data = path.read_bytes()
    assert media_kind(data[:HEAD_BYTES]) == kind
    assert media_kind(data) == kind


@pytest.mark.parametrize(
    "how",
    [
        ["-c:a", "libvorbis", "-f", "ogg"],
        ["-c:a", "libopus", "-f", "ogg"],
        ["-c:a", "aac", "-f", "ipod"],
        ["-c:a", "libmp3lame", "-f", "mp3"],
        ["-c:a", "flac", "-f", "flac"],
        ["-f", "wav"],
        ["-c:a", "aac", "-f", "adts"],
    ],
    ids=lambda how: how[-1],
)
def test_sound_alone_is_no_media(
    how: list[str], tmp_path: Path, ffmpeg: Callable[..., Path]
) -> None:
    path = ffmpeg(tmp_path / "recording", *SOUND, *how)
    assert media_kind(path.read_bytes()[:HEAD_BYTES]) is None


def test_a_theora_clip_with_sound_is_media(tmp_path: Path, ffmpeg: Callable[..., Path]) -> None:
    coded = ["-c:v", "libtheora", "-c:a", "libvorbis", "-f", "ogg"]
    for order in (["0", "1"], ["1", "0"]):
        maps = ["-map", order[0], "-map", order[1]]
        path = ffmpeg(tmp_path / "a", *SOURCE, *SOUND, *maps, *coded)
        assert media_kind(path.read_bytes()[:HEAD_BYTES]) == "ogg"


def box(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


@pytest.mark.parametrize(
    "head",
    [
        box(b"ftyp", b"isom\0\0\2\0isomavc1"),
        box(b"ftyp", b"qt  \0\0\0\0qt  "),
        box(b"styp", b"msdh\0\0\0\0msdhmsix") + box(b"sidx"),
        box(b"moof", bytes(100)),
        box(b"moov", bytes(100)),
        box(b"wide") + struct.pack(">I", 900_000_000) + b"mdat",
        box(b"free", bytes(50)) + box(b"mdat", bytes(50)),
        struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 5_000_000_000),
        b"\0\0\0\0mdat",
        b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"mjp2\0\0\0\0mjp2"),
    ],
)
def test_iso_files_and_their_segments_are_known_by_their_first_box(head: bytes) -> None:
    assert media_kind(head + bytes(500)) == "mp4"


@pytest.mark.parametrize(
    "head",
    [
        *(
            box(b"ftyp", brand + b"\0\0\0\0mif1heic")
            for brand in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"M4A ")
        ),
        b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        b"%PDF-1.7", b"PK\3\4", b"\x1f\x8b\x08", b"MDMP\x93\xa7", b"\x7fELF", b"MZ\x90",
        b"RIFF\0\0\0\0WAVEfmt ", b"FLV is a container", b"GIF is a format", b"BM, see above",
        b"DKIF", b"YUV4MPEG2", b"fine mdat and moov", b"1234moov", b"SQLite format 3\0",
        b"\x1aE\xdf\xa3\x93B\x82\x88otherdoc", b"\0\0\1\xba", b"\0\0\1\xb3\0\0\0\0", b"",
    ],
)  # fmt: skip
def test_other_files_are_none(head: bytes) -> None:
    assert media_kind(head + b"x" * 500) is None


def packets(size: int, count: int, begins: int = 0) -> bytes:
    """So many MPEG-TS packets, the first without its first bytes."""
    lead = 4 if size == 192 else 0
    found = b"".join(
        bytes(lead)
        + bytes((0x47, 0x40 if number == 0 else 0, number % 3, 0x10 | number % 16))
        + b"\xaa" * (size - lead - 4)
        for number in range(count)
    )
    return found[begins:]


@given(st.sampled_from([188, 192, 204]), st.integers(0, 203), st.integers(7, 30))
def test_a_transport_stream_is_known_wherever_its_first_packet_was_cut(
    size: int, begins: int, count: int
) -> None:
    assert media_kind(packets(size, count, begins % size)) == "mpegts"


def test_a_few_packets_are_no_transport_stream() -> None:
    assert media_kind(packets(188, 4)) is None
    assert media_kind(packets(188, 5)) == "mpegts"


@pytest.mark.parametrize("width", [188, 192, 204])
def test_a_text_with_lines_as_long_as_packets_is_none(width: int) -> None:
    line = "GET /index.html 200 ".ljust(width - 1) + "\n"
    assert media_kind((line * 50).encode()) is None
    assert media_kind(b"G" * HEAD_BYTES) is None


@given(st.text(min_size=1).map(str.encode))
def test_no_text_is_media(text: bytes) -> None:
    assert media_kind(text) is None


def test_random_bytes_are_no_media() -> None:
    """Two bytes of a bitmap's, three of a JPEG's: chance seldom makes them."""
    source = random.Random(16)
    assert not any(is_media(source.randbytes(HEAD_BYTES)) for _ in range(2000))


@given(st.binary(max_size=600))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    found = media_kind(data)
    assert found is None or found in {kind for kind, _ in MADE}


@given(
    st.sampled_from(
        [b"RIFF", b"OggS\0\2", b"\x1aE\xdf\xa3", b"\0\0\0\x08free", b"FLV\1", b"\0\0\1\xba"]
    ),
    st.binary(max_size=300),
)
def test_what_only_begins_like_media_gets_an_answer(magic: bytes, rest: bytes) -> None:
    kind = media_kind(magic + rest)
    assert kind is None or kind.isidentifier()

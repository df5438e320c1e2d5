"""What an attachment is, by its name and type, and which images are animated."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.media.kinds import (
    IMAGE_SUFFIXES,
    OTHER_SUFFIXES,
    PNG,
    VIDEO_SUFFIXES,
    clip_demuxer,
    demuxer_of,
    image_demuxer,
    is_evidence,
    is_image,
    is_video,
    may_be_evidence,
    suffix_of,
)

RECORDINGS = """
    f4v divx vob m2v 3gpp ivf mj2 y4m apng m2t m4s qt ogm ogx m1v mp4v insv lrv tod mpv ismv dvr-ms
    3g2 3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts webm wmv
"""
BEHIND = st.text(st.sampled_from(" .\t\n\u00a0\u200b\u200e'\")]_-~"), max_size=5)


@pytest.mark.parametrize("suffix", RECORDINGS.split())
def test_recordings_are_known_by_their_names(suffix: str) -> None:
    assert is_video(f"clip.{suffix}", "application/octet-stream")
    assert not may_be_evidence(f"clip.{suffix}", "application/octet-stream")


@given(st.sampled_from([*VIDEO_SUFFIXES, *IMAGE_SUFFIXES]), BEHIND, st.data())
def test_what_stands_behind_a_name_and_its_letter_case_do_not_count(
    suffix: str, behind: str, data: st.DataObject
) -> None:
    odd = "".join(data.draw(st.sampled_from([sign.lower(), sign.upper()])) for sign in suffix)
    assert suffix_of(f"clip.{odd}{behind}") == suffix
    assert is_evidence(f"clip.{odd}{behind}", None)


@given(st.text(), st.one_of(st.none(), st.text()))
def test_any_name_and_type_is_one_of_clip_picture_maybe_or_none(name: str, kind: str) -> None:
    found = [is_video(name, kind), is_image(name, kind), may_be_evidence(name, kind)]
    assert sum(found) <= 1


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        ("video/mp4; codecs=avc1", True),
        (" Video/WebM ;codecs=vp9", True),
        ("image/png; charset=binary", True),
        ("image/apng", True),
        ("application/mp4", True),
        ("text/plain; charset=utf-8", False),
        ("image/heic", False),
        ("image/avif", False),
    ],
)
def test_a_type_s_parameters_do_not_count(kind: str, evidence: bool) -> None:
    assert is_evidence("file", kind) is evidence
    assert not may_be_evidence("file", kind)


@pytest.mark.parametrize(
    "kind",
    [None, "", "application/octet-stream", "binary/octet-stream", "Application/Octet-Stream; q=1"],
)
@pytest.mark.parametrize("name", ["recording", "", "2026-11-29 18.04.11", "clip.mp4.part", "a.bin"])
def test_a_name_and_a_type_that_say_nothing_leave_it_to_the_bytes(
    name: str, kind: str | None
) -> None:
    assert may_be_evidence(name, kind)
    assert not is_evidence(name, kind)


@pytest.mark.parametrize(
    "suffix", ["zip", "log", "txt", "dmp", "pdf", "heic", "avif", "7z", "json"]
)
def test_what_is_known_to_be_no_recording_is_not_looked_at(suffix: str) -> None:
    assert not may_be_evidence(f"server.{suffix.upper()} ", "application/octet-stream")
    assert not may_be_evidence("server", "text/plain")


def test_no_suffix_stands_in_two_tables() -> None:
    assert not VIDEO_SUFFIXES & IMAGE_SUFFIXES
    assert not OTHER_SUFFIXES & (VIDEO_SUFFIXES | IMAGE_SUFFIXES)


# Animated pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(*before: bytes) -> bytes:
    """A PNG of 1 x 1 pixels with these chunks before its picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    picture = chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")
    return PNG + head + b"".join(before) + picture


def frames(count: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", count, 0))


PROFILE = chunk(b"iCCP", b"p\0\0" + bytes(3_000_000))


@pytest.mark.parametrize(
    ("before", "still"),
    [
        ([frames(12)], False),
        ([frames(2)], False),
        ([PROFILE, chunk(b"tEXt", b"a\0b"), frames(12)], False),
        ([frames(1)], True),
        ([frames(0)], True),
        ([PROFILE], True),
        ([chunk(b"tEXt", b"acTL\0" + frames(12))], True),
        ([chunk(b"IDAT", b""), frames(12)], True),
        ([chunk(b"tEXt", b"a\0b")] * 2000 + [frames(12)], True),
    ],
)
def test_a_png_of_several_frames_is_no_single_picture(
    before: list[bytes], still: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(*before))
    assert image_demuxer(path) == ("png_pipe" if still else None)
    assert demuxer_of(path.read_bytes()) == ("png_pipe" if still else None)
    assert clip_demuxer(path) == (None if still else "apng")


def test_an_animated_png_of_ffmpeg_s_is_no_single_picture(
    tmp_path: Path, ffmpeg: Callable[..., Path]
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=2:duration=6"]
    animated = ffmpeg(tmp_path / "a.png", *source, "-f", "apng")
    assert image_demuxer(animated) is None
    still = ffmpeg(tmp_path / "b.png", *source, "-frames:v", "1")
    assert image_demuxer(still) == "png_pipe"
    assert clip_demuxer(animated) == "apng"
    assert clip_demuxer(ffmpeg(tmp_path / "c.gif", *source)) is None
    assert clip_demuxer(ffmpeg(tmp_path / "c.mpg", *source, "-r", "25")) == "mpeg"


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_png_that_is_cut_off_or_made_of_rubbish_is_read_to_an_answer(
    rubbish: bytes, end: int
) -> None:
    assert demuxer_of(PNG + rubbish) in ("png_pipe", None)
    assert demuxer_of(png(frames(12))[:end]) in ("png_pipe", None)

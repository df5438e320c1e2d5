"""Which track of a file is shown, and its rotation: by ffmpeg's description, and by real files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dejabug import media
from dejabug.media.probe import described, shown_track
from dejabug.media.tracks import read_tracks
from support.made_clips import Make

HEAD = "Input #0, matroska,webm, from 'a':\n  Duration: 00:00:08.00, start: 0.000000\n"
SOUND = "Audio: aac, 48000 Hz, stereo, fltp (default)"
H264 = "Video: h264 (High), yuv420p(progressive), 384x288, 30 fps"
COVER = "Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 300x300, 25 fps"


def talk(*streams: str, output: str = "") -> str:
    """What ffmpeg says of a file of these streams, and of what it would write."""
    lines = [f"  Stream #0:{number}(und): {stream}" for number, stream in enumerate(streams)]
    return HEAD + "\n".join(lines) + (f"\nOutput #0, null, to 'pipe:':\n{output}" if output else "")


@pytest.mark.parametrize(
    ("streams", "track"),
    [
        ([H264], 0),
        ([SOUND, H264], 1),
        ([H264, H264], 0),
        ([H264, f"{H264} (default)"], 1),
        ([f"{H264} (default)", f"{H264} (default)"], 0),
        ([f"{H264} (default)", H264], 0),
        ([COVER, H264], 1),
        ([f"{COVER} (default)", H264], 1),
        ([f"{COVER} (attached pic)", H264], 1),
        ([H264, f"{COVER} (default) (attached pic)"], 0),
        ([f"{H264} (timed thumbnails)", H264], 1),
        ([COVER], 0),
        ([SOUND, COVER], 1),
    ],
)
def test_the_default_track_is_shown_and_no_cover_beside_a_video(
    streams: Sequence[str], track: int
) -> None:
    number, video = shown_track(talk(*streams))
    assert number == track
    assert video == streams[track].removeprefix("Video: ")


@pytest.mark.parametrize("streams", [[], [SOUND], [f"{COVER} (attached pic)"]])
def test_sound_and_a_cover_are_no_video(streams: Sequence[str]) -> None:
    assert shown_track(talk(*streams)) == (0, "")


def test_what_ffmpeg_would_write_is_no_track_of_the_file() -> None:
    said = talk(SOUND, H264, output=f"  Stream #0:0: {H264} (default)")
    assert shown_track(said)[0] == 1


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        ("Video: h264, yuv420p, 288x288 [SAR 1:1 DAR 1:1], 9 kb/s, SAR 4:3 DAR 4:3", (384, 288)),
        ("Video: vp9 (Profile 0), yuv420p(tv), 192x288, SAR 2:1 DAR 4:3, 30 fps", (384, 288)),
        ("Video: mpeg2video, yuv420p(tv), 720x576 [SAR 64:45 DAR 16:9], 25 fps", (1024, 576)),
        ("Video: h264, yuv420p, 640x360 [SAR 0:1 DAR 0:1], 25 fps", (640, 360)),
        ("Video: h264, yuv420p, 640x360, SAR 1:0 DAR 0:1, 25 fps", (640, 360)),
        ("Video: h264, yuv420p, 640x360, 25 fps", (640, 360)),
    ],
)  # fmt: skip
def test_the_pixel_aspect_of_the_container_counts_before_that_of_the_codec(
    stream: str, size: tuple[int, int]
) -> None:
    about = described(talk(stream), None)
    assert about is not None
    assert (about.width, about.height) == size


@pytest.mark.parametrize(
    ("scan", "field"),
    [
        ("progressive", ""),
        ("tv, bt709, top first", "top"),
        ("bottom first", "bottom"),
        ("tv, top coded first (swapped)", "bottom"),
        ("tv, bt709/unknown/unknown, bottom coded first (swapped)", "top"),
    ],
)
def test_the_field_that_is_shown_first_is_the_one_that_is_kept(scan: str, field: str) -> None:
    about = described(talk(f"Video: h264 (High), yuv420p({scan}), 1920x1080, 25 fps"), None)
    assert about is not None
    assert about.first_field == field
    assert about.stored_size == (1920, 1080)


def test_dv_is_interlaced_though_nothing_says_so() -> None:
    about = described(talk("Video: dvvideo, yuv420p, 720x576 [SAR 64:45 DAR 16:9], 25 fps"), None)
    assert about is not None
    assert about.first_field == "bottom"


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_a_preview_shows_the_same_track_and_shape_as_the_frames(
    name: str, ffmpeg: Make, tmp_path: Path
) -> None:
    first = ["-f", "lavfi", "-i", "testsrc2=size=96x96:rate=10:duration=3"]
    second = ["-f", "lavfi", "-i", "testsrc2=size=96x72:rate=10:duration=5,setsar=2"]
    clip = ffmpeg(
        tmp_path / name, *first, *second, "-map", "0", "-map", "1", "-c:v", "libx264",
        "-disposition:v:0", "0", "-disposition:v:1", "default",
    )  # fmt: skip
    frames = media.sample_frames(clip, short_side=72)
    assert frames.duration == pytest.approx(5)
    assert frames.pixels.shape[1:3] == (72, 192)
    media.make_preview(clip, tmp_path / "preview.mp4")
    preview = media.sample_frames(tmp_path / "preview.mp4", short_side=72)
    assert preview.duration == pytest.approx(5)
    assert preview.pixels.shape[1:3] == (72, 192)


def test_a_track_that_is_not_shown_does_not_turn_the_one_that_is(
    ffmpeg: Make, ffmpeg_program: str, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=10:duration=2"]
    flat = ffmpeg(tmp_path / "flat.mp4", *source, "-c:v", "libx264")
    turn = ["-display_rotation:v:0", "90", "-i", str(flat), "-c", "copy"]
    turned = ffmpeg(tmp_path / "turned.mp4", *turn)
    both = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "0"]
    both += ["-disposition:v:1", "default"]
    clip = ffmpeg(tmp_path / "a.mp4", "-i", str(turned), "-i", str(flat), *both)
    about = media.probe(clip, program=ffmpeg_program)
    assert (about.track, about.width, about.height) == (1, 96, 64)
    assert read_tracks(clip, program=ffmpeg_program).rotation == 0
    clip = ffmpeg(tmp_path / "b.mp4", "-i", str(flat), "-i", str(turned), *both)
    about = media.probe(clip, program=ffmpeg_program)
    assert (about.track, about.width, about.height) == (1, 64, 96)
    assert abs(read_tracks(clip, program=ffmpeg_program).rotation) == 90


@pytest.mark.parametrize("head", [b"styp", b"moof", b"sidx"])
def test_a_lone_segment_says_which_part_is_missing(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "session-1.m4s"
    path.write_bytes(b"\0\0\0\x18" + head + b"msdh\0\0\0\0msdhmsix" + bytes(200))
    with pytest.raises(media.ClipError, match="init segment") as caught:
        media.sample_frames(path)
    assert caught.value.code == "unsupported"


def test_a_segment_behind_its_first_part_is_a_recording(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=2"]
    in_parts = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]
    whole = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", *in_parts)
    data = whole.read_bytes()
    start = data.index(b"moof") - 4
    (tmp_path / "b.m4s").write_bytes(data[start:])
    with pytest.raises(media.ClipError, match="init segment"):
        media.sample_frames(tmp_path / "b.m4s")
    (tmp_path / "c.m4s").write_bytes(data[:start] + data[start:])
    assert len(media.sample_frames(tmp_path / "c.m4s").times) == 4

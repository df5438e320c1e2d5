"""Files with unusual times, tracks, fields or ends, with each ffmpeg. Their frames are numbered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from dejabug import media
from dejabug.media.ffmpeg import LONGEST_STILL
from support.numbered_pictures import HEIGHT, WIDTH, drawn, raw, read_number

X264 = ["-c:v", "libx264", "-preset", "ultrafast"]
MPEG4 = ["-c:v", "mpeg4", "-q:v", "3"]
SMALL = "scale=192:108:flags=neighbor:out_color_matrix=bt601,format=yuv420p"
STILL = 20  # seconds


def made(
    path: Path, *arguments: str, pictures: int = 40, rate: int = 10, filters: str = ""
) -> Path:
    """A clip of numbered pictures, by the packaged ffmpeg."""
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{WIDTH}x{HEIGHT}"]
    source += ["-framerate", str(rate), "-i", "pipe:", "-vf", filters or SMALL]
    subprocess.run(
        [media.find_ffmpeg(), "-v", "error", *source, *arguments, str(path)],
        input=raw(range(pictures)),
        check=True,
    )
    return path


def copied(clip: Path, path: Path, *arguments: str) -> Path:
    """The same packets in another file."""
    copying = ["-i", str(clip), *arguments, "-c", "copy", str(path)]
    subprocess.run([media.find_ffmpeg(), "-v", "error", *copying], check=True)
    return path


def sampled(clip: Path, program: str) -> media.Frames:
    return media.sample_frames(clip, program=program, drop_duplicates=False)


def numbers(frames: media.Frames) -> list[int | None]:
    return [read_number(picture) for picture in frames.pixels]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_clip_with_a_timecode_track_is_read_as_without(
    name: str, ffmpeg_program: str, tmp_path: Path
) -> None:
    """As cameras and editors write it. ffmpeg 9 lists its tracks as a group."""
    plain = made(tmp_path / "plain.mp4", *X264)
    clip = copied(plain, tmp_path / name, "-timecode", "01:02:03:04")
    about = media.probe(clip, program=ffmpeg_program)
    assert (about.codec, about.width, about.height, about.track) == ("h264", 192, 108, 0)
    frames = sampled(clip, ffmpeg_program)
    assert frames.duration == pytest.approx(4)
    assert numbers(frames) == [0, 5, 10, 15, 20, 25, 30, 35]


def test_the_default_one_of_two_tracks_with_timecodes_is_shown(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    proxy = made(tmp_path / "proxy.mp4", *X264, pictures=20)
    plain = made(tmp_path / "plain.mp4", *X264)
    second = ["-i", str(plain), "-map", "0:v", "-map", "1:v", "-timecode", "01:02:03:04"]
    second += ["-disposition:v:0", "0", "-disposition:v:1", "default"]
    clip = copied(proxy, tmp_path / "a.mov", *second)
    assert media.probe(clip, program=ffmpeg_program).track == 1
    assert sampled(clip, ffmpeg_program).duration == pytest.approx(4)


@pytest.mark.parametrize("name", ["a.ts", "a.flv", "a.mp4", "a.mkv"])
@pytest.mark.parametrize("before", [1, 20, 39])
def test_a_picture_that_stands_still_for_long_is_shown_as_long(
    before: int, name: str, ffmpeg_program: str, tmp_path: Path
) -> None:
    """A recorder that writes nothing while nothing changes."""
    assert STILL < LONGEST_STILL
    jump = f"setpts='if(lt(N,{before}),N/10,N/10+{STILL})/TB',{SMALL}"
    steady = ["-fps_mode", "vfr", "-enc_time_base", "1/1000", "-bf", "2"]
    clip = made(tmp_path / name, *X264, *steady, filters=jump)
    frames = sampled(clip, ffmpeg_program)
    assert frames.duration == pytest.approx(4 + STILL, abs=0.15)
    assert frames.times.tolist() == [n / 2 for n in range(48)]
    assert frames.signature.times[-1] < 4 + STILL
    shown = [
        round(t * 10) if t < before / 10 else max(before - 1, round((t - STILL) * 10))
        for t in frames.times
    ]
    assert numbers(frames) == pytest.approx(shown, abs=1.01)
    assert frames.notes() == []
    if before < 39:
        return
    preview = tmp_path / "preview.mp4"
    media.make_preview(clip, preview, program=ffmpeg_program)
    assert media.sample_frames(preview).duration == pytest.approx(frames.duration, abs=0.1)


def test_two_transport_streams_joined_play_one_after_the_other(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    first = made(tmp_path / "a.ts", *X264)
    later = made(tmp_path / "b.ts", *X264, "-output_ts_offset", "5000")
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + later.read_bytes())
    frames = sampled(joined, ffmpeg_program)
    assert frames.duration == pytest.approx(8, abs=0.15)
    assert numbers(frames) == [0, 5, 10, 15, 20, 25, 30, 35] * 2


def test_a_way_that_loses_the_start_is_noticed_by_every_ffmpeg(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    """AVI keeps no presentation times: keyframes alone get wrong ones."""
    clip = made(tmp_path / "a.avi", *MPEG4, "-bf", "2", "-g", "20", pictures=2600)
    frames = sampled(clip, ffmpeg_program)
    assert len(frames.times) == 120
    shown = [n if n is not None else -100 for n in numbers(frames)]
    assert shown == pytest.approx([float(t) * 10 for t in frames.times], abs=1.01)


@pytest.mark.parametrize("order", ["top", "bottom"])
@pytest.mark.parametrize(
    ("name", "arguments", "pixels"),
    [
        ("a.mov", ["-c:v", "dnxhd", "-b:v", "120M"], "1920:1080"),
        ("a.avi", MPEG4, "720:576"),
    ],
)
def test_pictures_that_only_the_decoder_knows_to_be_interlaced_are_shown_clean(
    name: str, arguments: list[str], pixels: str, order: str, ffmpeg_program: str, tmp_path: Path
) -> None:
    woven = f"scale={pixels}:flags=neighbor,tinterlace=interleave_{order},setfield={order[0]}ff"
    pixel_format = "yuv422p" if name == "a.mov" else "yuv420p"
    clip = made(
        tmp_path / name, *arguments, "-flags", "+ilme+ildct", pictures=50, rate=50,
        filters=f"{woven},format={pixel_format}",
    )  # fmt: skip
    # Two pictures in one would have no number.
    assert numbers(sampled(clip, ffmpeg_program)) == [0, 24]


def test_an_mpeg_program_stream_is_never_taken_for_a_transport_stream(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    """ffmpeg takes this one for a transport stream, as whose mark each 188th byte may pass."""
    woven = "scale=720:576:flags=neighbor:out_color_matrix=bt601,tinterlace=interleave_top"
    clip = made(
        tmp_path / "a.mpg", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct",
        pictures=200, rate=50, filters=f"{woven},setfield=tff,format=yuv420p",
    )  # fmt: skip
    assert media.probe(clip, program=ffmpeg_program).container == "mpeg"
    assert sampled(clip, ffmpeg_program).duration == pytest.approx(4, abs=0.15)


def animated(path: Path, delays: list[int]) -> Path:
    """A GIF or an animated PNG of numbered pictures."""
    images = [Image.fromarray(drawn(n).repeat(4, 0).repeat(4, 1)) for n in range(len(delays))]
    images[0].save(path, save_all=True, append_images=images[1:], duration=delays)
    return path


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_pictures_without_a_delay_are_shown_as_long_as_in_browsers(
    name: str, ffmpeg_program: str, tmp_path: Path
) -> None:
    frames = sampled(animated(tmp_path / name, [0] * 12), ffmpeg_program)
    assert frames.duration == pytest.approx(1.2)
    assert numbers(frames) == [0, 5, 10]


@pytest.mark.parametrize(("share", "cut_off"), [(0.5, True), (0.97, True), (1.0, False)])
def test_a_gif_that_is_cut_off_says_so(
    share: float, cut_off: bool, ffmpeg_program: str, tmp_path: Path
) -> None:
    clip = animated(tmp_path / "a.gif", [500] * 8)
    data = clip.read_bytes()
    clip.write_bytes(data[: int(len(data) * share)])
    assert sampled(clip, ffmpeg_program).truncated is cut_off


@pytest.mark.parametrize("behind", [b"", b"\x3b", b"\x3brubbish" * 500])
def test_a_gif_is_whole_though_it_lacks_its_last_byte_or_something_follows(
    behind: bytes, ffmpeg_program: str, tmp_path: Path
) -> None:
    clip = animated(tmp_path / "a.gif", [500] * 8)
    clip.write_bytes(clip.read_bytes().removesuffix(b"\x3b") + behind)
    frames = sampled(clip, ffmpeg_program)
    assert len(frames.times) == 8
    assert not frames.truncated


def test_a_piece_of_a_recording_without_a_keyframe_says_what_is_missing(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    whole = made(tmp_path / "a.ts", *X264, "-g", "1000")
    data = whole.read_bytes()
    half = len(data) // 188 // 2 * 188
    piece = tmp_path / "b.ts"
    piece.write_bytes(data[half:])
    with pytest.raises(media.ClipError, match="no keyframe") as caught:
        sampled(piece, ffmpeg_program)
    assert caught.value.code == "truncated"

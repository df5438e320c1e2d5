"""Files → frames, with a real ffmpeg on real files."""

from __future__ import annotations

import struct
import subprocess
import time
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dejabug import media
from dejabug.media import ClipError, Limits
from dejabug.media.ffmpeg import command, open_input
from dejabug.media.limited_process import run
from support.made_clips import H264, Make, coloured, levels
from support.processes import processes_of
from support.servers import serve_in_a_thread


def test_the_frame_for_a_time_is_the_one_on_screen_then(ffmpeg: Make, tmp_path: Path) -> None:
    # The trap: `fps=2` alone gives the picture of a quarter of a second later.
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(6), *H264)
    frames = media.sample_frames(clip, rate=2.0, drop_duplicates=False, short_side=48)
    assert frames.times.tolist() == [n / 2 for n in range(12)]
    assert levels(frames) == [int(t) for t in frames.times]


def test_near_duplicates_are_dropped_and_the_rest_keep_their_times(
    ffmpeg: Make, tmp_path: Path
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(6), *H264)
    frames = media.sample_frames(clip, rate=2.0, short_side=48)
    assert frames.times.tolist() == [0, 1, 2, 3, 4, 5]
    assert frames.dropped == 6


def test_a_long_clip_is_sampled_more_thinly_up_to_its_end(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(20, rate=10), *H264)
    frames = media.sample_frames(clip, rate=2.0, max_frames=10, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx([2.0 * n for n in range(10)], abs=0.01)
    assert levels(frames) == [2 * n for n in range(10)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_of_a_long_clip_keyframes_will_do_at_their_own_times(
    name: str, ffmpeg: Make, tmp_path: Path
) -> None:
    every = ["-g", "45", "-keyint_min", "45", "-sc_threshold", "0"]  # a second and a half
    clip = ffmpeg(tmp_path / name, *coloured(20), *H264, *every)
    frames = media.sample_frames(clip, max_frames=8, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx([0, 3, 6, 7.5, 10.5, 13.5, 15, 18], abs=0.01)
    assert levels(frames) == [int(t + 0.01) for t in frames.times]
    assert frames.duration == pytest.approx(20, abs=0.1)
    assert not frames.truncated


def test_variable_frame_rate_keeps_the_clock(ffmpeg: Make, tmp_path: Path) -> None:
    # Three seconds at 30/s, then three at 5/s: pictures are few, time goes on.
    wobble = ["-vf", "select='lt(t,3)+not(mod(n,6))'", "-fps_mode", "vfr"]
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(6), *wobble, *H264)
    frames = media.sample_frames(clip, rate=1.0, drop_duplicates=False)
    assert levels(frames) == [int(t) for t in frames.times] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", ["-c:v", "libx264", "-bf", "3"]),
        ("a.mov", ["-c:v", "mpeg4"]),
        ("a.mkv", ["-c:v", "libx265", "-x265-params", "log-level=none"]),
        ("a.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
        ("a.avi", ["-c:v", "mpeg4"]),
        ("a.gif", []),
        ("a.flv", ["-c:v", "flv"]),
        ("a.ts", ["-c:v", "mpeg2video"]),
    ],
)
def test_every_container_gives_its_frames(
    name: str, options: list[str], ffmpeg: Make, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4"]
    clip = ffmpeg(tmp_path / name, *source, *options)
    frames = media.sample_frames(clip, rate=2.0, short_side=60)
    assert len(frames.times) == 8
    assert frames.pixels.shape == (8, 60, 80, 3)
    assert not frames.truncated
    assert media.is_video(name, None)


@pytest.mark.parametrize(
    ("size", "shape"),
    [("120x160", (80, 60)), ("162x90", (60, 108)), ("94x50", (60, 112)), ("640x64", (60, 180))],
)
def test_the_short_side_is_set_and_the_aspect_kept(
    size: str, shape: tuple[int, int], ffmpeg: Make, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=1"]
    clip = ffmpeg(tmp_path / "a.mkv", *source, "-c:v", "ffv1")
    height, width = media.sample_frames(clip, short_side=60).pixels.shape[1:3]
    # A panorama is squashed to three short sides.
    assert (height, width) == pytest.approx(shape, abs=2)


def test_odd_sizes_are_no_trouble(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=161x91:rate=10:duration=1"]
    clip = ffmpeg(tmp_path / "a.gif", *source)
    assert media.sample_frames(clip, short_side=91).pixels.shape[1:] == (91, 162, 3)


def test_a_phone_s_rotated_recording_stands_upright(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:duration=1"]
    flat = ffmpeg(tmp_path / "flat.mp4", *source, "-c:v", "libx264")
    turned = ffmpeg(
        tmp_path / "turned.mp4", "-display_rotation:v:0", "90", "-i", str(flat), "-c", "copy"
    )
    height, width = media.sample_frames(turned, short_side=90).pixels.shape[1:3]
    assert (height, width) == (160, 90)


def test_the_picture_is_the_picture(ffmpeg: Make, tmp_path: Path) -> None:
    """Colours and places: left red, right blue, against the known pixels."""
    source = "color=red:size=64x64:rate=5:duration=1[l];color=blue:size=64x64:rate=5:duration=1"
    clip = ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", f"{source}[r];[l][r]hstack", "-c:v", "libx264"
    )
    picture = media.sample_frames(clip, short_side=64).pixels[0]
    assert picture[32, 32].tolist() == pytest.approx([254, 0, 0], abs=12)
    assert picture[32, 96].tolist() == pytest.approx([0, 0, 254], abs=12)


def test_no_audio_and_audio_alone(ffmpeg: Make, tmp_path: Path) -> None:
    sound = ffmpeg(tmp_path / "a.mp4", "-f", "lavfi", "-i", "sine=duration=1")
    with pytest.raises(ClipError) as caught:
        media.sample_frames(sound)
    assert caught.value.code == "not_a_video"


def test_a_cut_off_file_gives_what_can_be_read_and_says_so(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=10"]
    whole = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", "-movflags", "+faststart")
    data = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    frames = media.sample_frames(tmp_path / "cut.mp4", rate=2.0)
    assert frames.truncated
    assert 5 <= len(frames.times) < 20
    assert not media.sample_frames(whole).truncated


def test_a_file_without_its_table_of_contents_is_called_truncated(
    ffmpeg: Make, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=5"]
    data = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ClipError) as caught:
        media.sample_frames(tmp_path / "cut.mp4")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(400), "not_a_video"),
        (b"<html><body>please log in</body></html>", "not_a_video"),
        (bytes(range(256)) * 40, "not_a_video"),
    ],
)
def test_what_is_no_video_says_so(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipError) as caught:
        media.sample_frames(path)
    assert caught.value.code == code


class Listener:
    """A web server that counts who comes."""

    def __init__(self) -> None:
        visits = self.visits = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(self.path)
                self.send_response(404)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve_in_a_thread(self._server)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_playlists_and_scripts_named_like_clips_reach_nobody(ffmpeg: Make, tmp_path: Path) -> None:
    """ffmpeg must open this one local file, whatever the file asks for."""
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=5:duration=1"]
    secret = ffmpeg(tmp_path / "secret.mp4", *source, "-c:v", "libx264")
    listener = Listener()
    files = {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{listener.url}/x.ts\n",
        "hls-file.mp4": f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile {secret}\nduration 1\n",
        "dash.mp4": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">'
        f"<BaseURL>{listener.url}/</BaseURL></MPD>",
        "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "vob.mp4": f"# VobSub index file, v7 (do not modify this line!)\nid: en\n{secret}\n",
    }
    try:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(ClipError):
                media.sample_frames(tmp_path / name, limits=Limits(timeout_seconds=20))
        assert listener.visits == []
    finally:
        listener.close()


def test_endless_decoding_is_ended(laborious: Path) -> None:
    with pytest.raises(ClipError) as caught:
        media.sample_frames(laborious, limits=Limits(timeout_seconds=0.4))
    assert caught.value.code == "timeout"
    assert processes_of(laborious) == []


def test_too_much_processor_time_is_too_much_time(laborious: Path) -> None:
    """ffmpeg ends itself at the signal as if all were well: half a clip must not pass for one."""
    output = open_input(laborious).output("pipe:", format="null")
    patient = time.monotonic() + 60
    with pytest.raises(ClipError) as caught:
        run(
            command(media.find_ffmpeg(), output),
            Limits(timeout_seconds=1),
            reads=laborious,
            most_output=1,
            deadline=patient,
        )
    assert caught.value.code == "timeout"


def test_more_memory_than_allowed_is_refused(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=5:duration=1"]
    clip = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    with pytest.raises(ClipError) as caught:
        media.sample_frames(clip, limits=Limits(memory_bytes=208 * 1024 * 1024))
    assert caught.value.code == "memory"


def test_too_many_pixels_and_too_many_bytes_are_refused(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=5:duration=1"]
    clip = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264")
    with pytest.raises(ClipError) as caught:
        media.sample_frames(clip, limits=Limits(max_pixels=640 * 479))
    assert caught.value.code == "too_many_pixels"
    with pytest.raises(ClipError) as caught:
        media.sample_frames(clip, limits=Limits(max_bytes=100))
    assert caught.value.code == "too_large"


def test_skipping_unreferenced_frames_changes_no_more_than_the_codec(
    ffmpeg: Make, tmp_path: Path
) -> None:
    """The fast way: on 60 pictures a second, the picture shown is at most a few frames old."""
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=60:duration=5"]
    clip = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", "-bf", "3", "-g", "120")
    fast = media.sample_frames(clip, rate=2.0, drop_duplicates=False, short_side=180)
    lossless = ffmpeg(tmp_path / "b.mkv", "-i", str(clip), "-c:v", "ffv1")
    whole = media.sample_frames(lossless, rate=2.0, drop_duplicates=False, short_side=180)
    assert fast.times.tolist() == whole.times.tolist()
    difference = np.abs(fast.pixels.astype(float) - whole.pixels).mean()
    assert difference < 6


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("a.MP4", None, True),
        ("a.bin", "video/mp4", True),
        ("a.gif", "image/gif", True),
        ("a.png", "image/png", False),
        ("mp4", "text/plain", False),
        ("log.txt", None, False),
    ],
)
def test_clips_are_known_by_type_or_name(name: str, kind: str | None, answer: bool) -> None:
    assert media.is_video(name, kind) is answer


@pytest.mark.parametrize(
    ("name", "kind", "image", "evidence"),
    [
        ("a.PNG", None, True, True),
        ("a.jpeg", "image/jpeg", True, True),
        ("screenshot", "image/webp", True, True),
        ("a.bmp", "application/octet-stream", True, True),
        ("a.gif", "image/gif", False, True),
        ("a.mp4", "video/mp4", False, True),
        ("a.mp4", "image/png", False, True),
        ("a.svg", "image/svg+xml", False, False),
        ("a.heic", "image/heic", False, False),
        ("png", "text/plain", False, False),
        ("a.png.txt", None, False, False),
    ],
)
def test_screenshots_are_known_by_type_or_name(
    name: str, kind: str | None, image: bool, evidence: bool
) -> None:
    assert media.is_image(name, kind) is image
    assert media.is_evidence(name, kind) is evidence


def test_the_chosen_ffmpeg_is_used_or_its_absence_told() -> None:
    program = media.find_ffmpeg()
    assert media.find_ffmpeg(program) == program
    with pytest.raises(FileNotFoundError, match="DEJABUG_FFMPEG"):
        media.find_ffmpeg("/nowhere/ffmpeg")
    assert media.ffmpeg_version(program) != "unknown"


# Screenshots


def screenshot(path: Path, size: tuple[int, int] = (320, 180), **options: Any) -> Path:
    """A picture whose left half is red and whose right half is blue, in the format of its name."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.jpg", {"quality": 95}),
        ("a.webp", {"quality": 95}),
        ("lossless.webp", {"lossless": True}),
        ("a.bmp", {}),
        ("progressive.jpg", {"progressive": True}),
        # A name is a name: neither a pattern of many files nor a hint of what is in them.
        ("shot-%03d.png", {}),
        ("shot-*.jpg", {}),
        ("clip", {"format": "PNG"}),
        ("a.mp4", {"format": "JPEG"}),
        ("a.txt", {"format": "BMP"}),
    ],
)
def test_a_screenshot_is_a_clip_of_one_frame(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    frames = media.sample_frames(screenshot(tmp_path / name, **options), short_side=90)
    assert frames.times.tolist() == [0.0]
    assert frames.pixels.shape == (1, 90, 160, 3)
    assert (frames.duration, frames.dropped, frames.truncated) == (0.0, 0, False)
    assert frames.pixels[0, 45, 30].tolist() == pytest.approx([254, 0, 0], abs=12)
    assert frames.pixels[0, 45, 130].tolist() == pytest.approx([0, 0, 254], abs=12)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_way_of_keeping_colours_is_read(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    deep = mode == "I;16"
    picture = Image.new("I;16", (100, 80), 40_000) if deep else Image.new("RGB", (100, 80), "white")
    picture.paste(0, (0, 0, 20, 20))
    (picture if deep else picture.convert(mode)).save(path)
    pixels = media.sample_frames(path, short_side=80).pixels
    assert pixels.shape == (1, 80, 100, 3)
    assert np.median(pixels) > 150


def test_a_photograph_stands_upright(tmp_path: Path) -> None:
    held_sideways = Image.Exif()
    held_sideways[0x112] = 6  # orientation: to be turned by a quarter to the right
    path = screenshot(tmp_path / "a.jpg", exif=held_sideways)
    pixels = media.sample_frames(path, short_side=90).pixels[0]
    assert pixels.shape == (160, 90, 3)
    assert pixels[20, 45].tolist() == pytest.approx([254, 0, 0], abs=30)
    assert pixels[140, 45].tolist() == pytest.approx([0, 0, 254], abs=30)


@pytest.mark.parametrize(("size", "shape"), [((900, 90), (60, 180)), ((70, 2000), (180, 60))])
def test_a_very_long_screenshot_is_squashed_as_panoramas_are(
    size: tuple[int, int], shape: tuple[int, int], tmp_path: Path
) -> None:
    path = screenshot(tmp_path / "a.png", size)
    assert media.sample_frames(path, short_side=60).pixels.shape == (1, *shape, 3)


def test_an_animated_webp_is_a_clip_where_ffmpeg_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    pictures = [Image.new("RGB", (96, 80), (level, level, level)) for level in (20, 120, 220)]
    for each in pictures:
        each.paste("red", (0, 0, 10, 10))
    pictures[0].save(path, "WEBP", save_all=True, append_images=pictures[1:], duration=1000)
    known = subprocess.run([media.find_ffmpeg(), "-demuxers"], capture_output=True, text=True)
    if "webp_anim" in known.stdout:
        frames = media.sample_frames(path, rate=1, short_side=80)
        assert [round(float(np.median(p)), -1) for p in frames.pixels] == [20, 120, 220]
    else:
        with pytest.raises(ClipError, match="not a video or image"):
            media.sample_frames(path)


@pytest.mark.parametrize(
    "text",
    [
        "just text",
        '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><image href="{url}/x"/>'
        "</svg>",
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>',
        "%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj",
        "#EXTM3U\n#EXTINF:1,\n{url}/x.ts\n",
        "ffconcat version 1.0\nfile {secret}\nduration 1\n",
        "/* XPM */ static char *x[] = {{ \"1 1 1 1\" }};",
        "P6\n100 100\n255\n" + "x" * 30_000,
        "BM" + "x" * 400,
        "RIFF1234WEBP" + "x" * 400,
        "GIF89a",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "clip"])
def test_what_is_named_like_a_picture_and_is_none_reaches_nobody(
    name: str, text: str, tmp_path: Path
) -> None:
    secret = screenshot(tmp_path / "secret.png")
    listener = Listener()
    try:
        (tmp_path / name).write_text(text.format(url=listener.url, secret=secret))
        with pytest.raises(ClipError) as caught:
            media.sample_frames(tmp_path / name, limits=Limits(timeout_seconds=20))
        assert caught.value.code == "not_a_video"
        assert "not a video or image" in str(caught.value)
        assert listener.visits == []
    finally:
        listener.close()


def test_a_name_that_is_a_pattern_opens_no_other_file(tmp_path: Path) -> None:
    screenshot(tmp_path / "shot-001.png")
    screenshot(tmp_path / "shot-002.png")
    (tmp_path / "shot-%03d.png").write_text("no picture")
    for name in ("shot-%03d.png", "shot-*.png"):
        with pytest.raises((ClipError, FileNotFoundError)):
            media.sample_frames(tmp_path / name)


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of some kilobytes that announces many pixels, and has data for a part of them."""
    packed = zlib.compress(bytes(1 + 3 * width) * min(height, 500), 9)

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checked

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("size", [(50_000, 50_000), (12_000, 12_000), (400_000, 300)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int], tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.png", *size)
    # 50,000 x 50,000 pixels would take 10 GB.
    limits = Limits(memory_bytes=256 * 1024 * 1024, timeout_seconds=10)
    with pytest.raises(ClipError) as caught:
        media.sample_frames(path, limits=limits)
    assert caught.value.code == "too_many_pixels"


def test_a_picture_that_takes_more_memory_than_allowed_is_refused(tmp_path: Path) -> None:
    path = screenshot(tmp_path / "a.png", (8000, 8000))
    with pytest.raises(ClipError) as caught:
        media.sample_frames(path, limits=Limits(memory_bytes=200 * 1024 * 1024))
    assert caught.value.code == "memory"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif"])
@pytest.mark.parametrize("size", [(63, 400), (400, 63), (16, 16)])
def test_icons_and_emoji_show_no_bug(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="icon") as caught:
        media.sample_frames(screenshot(tmp_path / name, size))
    assert caught.value.code == "too_small"


def cut_off(path: Path) -> Path:
    """A picture of noise whose file ends in its middle."""
    Image.effect_noise((800, 600), 90).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def test_a_picture_that_is_cut_off_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    assert media.sample_frames(cut_off(tmp_path / "a.jpg")).truncated


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp"])
def test_a_picture_that_is_cut_off_and_gives_nothing_says_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(ClipError) as caught:
        media.sample_frames(cut_off(tmp_path / name))
    assert caught.value.code in ("no_frames", "not_a_video")


def test_a_screenshot_has_no_preview(tmp_path: Path) -> None:
    with pytest.raises(ClipError) as caught:
        media.make_preview(screenshot(tmp_path / "a.png"), tmp_path / "p.mp4")
    assert caught.value.code == "not_a_video"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBPVP8 ", b"BM" + bytes(12) + b"("]
    ),
    rest=st.binary(max_size=200),
)
def test_any_bytes_after_a_picture_s_mark_end_as_a_clear_error(
    head: bytes, rest: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "clip"
    path.write_bytes(head + rest)
    with pytest.raises(ClipError):
        media.sample_frames(path, limits=Limits(timeout_seconds=20))

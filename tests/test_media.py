"""Files → frames, with a real ffmpeg on real files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from conftest import processes_of
from dejabug import media
from dejabug.media import ClipError, Limits

Make = Callable[..., Path]


def coloured(seconds: int, size: str = "64x48", rate: int = 30) -> list[str]:
    """Arguments for a clip whose grey level tells the time: level = 10 x second + 20."""
    source = f"color=black:size={size}:rate={rate}:duration={seconds},format=gray"
    return ["-f", "lavfi", "-i", f"{source},geq=lum='20+10*floor(T+0.001)'"]


def levels(frames: media.Frames) -> list[int]:
    """The second that each frame's grey level tells."""
    return [round((float(p.mean()) - 20) / 10) for p in frames.pixels]


H264 = ["-c:v", "libx264", "-bf", "3", "-qp", "0", "-color_range", "pc", "-pix_fmt", "yuvj420p"]


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
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

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


def test_endless_decoding_is_ended(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=60:duration=20"]
    clip = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    with pytest.raises(ClipError) as caught:
        media.sample_frames(clip, limits=Limits(timeout_seconds=0.4))
    assert caught.value.code == "timeout"
    assert processes_of(clip) == []


def test_more_memory_than_allowed_is_refused(ffmpeg: Make, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=5:duration=1"]
    clip = ffmpeg(tmp_path / "a.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    with pytest.raises(ClipError) as caught:
        media.sample_frames(clip, limits=Limits(memory_bytes=96 * 1024 * 1024))
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


def test_the_chosen_ffmpeg_is_used_or_its_absence_told() -> None:
    program = media.find_ffmpeg()
    assert media.find_ffmpeg(program) == program
    with pytest.raises(FileNotFoundError, match="DEJABUG_FFMPEG"):
        media.find_ffmpeg("/nowhere/ffmpeg")
    assert media.ffmpeg_version(program) != "unknown"

"""Small valid recordings in every container and codec that the given ffmpeg can write."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PICTURES = "testsrc2=size=128x96:rate=10:duration=2"
SOUND = ["-f", "lavfi", "-i", "sine=duration=2"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "5"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]
AV1 = ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"]
ONE = ["-frames:v", "1"]

# Name → ffmpeg's arguments for the output.
BASES: dict[str, Sequence[str]] = {
    "h264.mp4": H264,
    "h264-sound.mp4": [*H264, "-c:a", "aac"],
    "faststart.mp4": [*H264, "-movflags", "+faststart"],
    "fragments.mp4": [*H264, "-movflags", "+frag_keyframe+empty_moov"],
    "hevc.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"],
    "av1.mp4": AV1,
    "mpeg4.m4v": ["-c:v", "mpeg4", "-f", "mp4"],
    "h263.3gp": ["-c:v", "h263", "-s", "128x96"],
    "mpeg4.mov": ["-c:v", "mpeg4"],
    "prores.mov": ["-c:v", "prores"],
    "qtrle.mov": ["-c:v", "qtrle"],
    "png.mov": ["-c:v", "png"],
    "h264.mkv": [*H264, "-c:a", "libvorbis"],
    "vp9.mkv": VP9,
    "ffv1.mkv": ["-c:v", "ffv1"],
    "vp8.webm": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    "vp9.webm": VP9,
    "av1.webm": AV1,
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-c:a", "mp2"],
    "raw.avi": ["-c:v", "rawvideo", "-pix_fmt", "bgr24", "-s", "64x64"],
    "zmbv.avi": ["-c:v", "zmbv"],
    "utvideo.avi": ["-c:v", "utvideo"],
    "huffyuv.avi": ["-c:v", "huffyuv"],
    "cinepak.avi": ["-c:v", "cinepak"],
    "theora.ogv": ["-c:v", "libtheora"],
    "flv1.flv": ["-c:v", "flv"],
    "h264.flv": H264,
    "h264.ts": [*H264, "-c:a", "mp2"],
    "mpeg2.ts": ["-c:v", "mpeg2video"],
    "h264.m2ts": H264,
    "a.gif": [],
    "wmv2.wmv": ["-c:v", "wmv2", "-c:a", "wmav2"],
    "wmv1.asf": ["-c:v", "wmv1"],
    "mpeg1.mpg": ["-c:v", "mpeg1video", "-r", "25"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-c:a", "mp2", "-f", "vob"],
    "mpeg2.mxf": ["-c:v", "mpeg2video", "-r", "25"],
    "vp9.ivf": VP9,
    "dnxhd.mxf": ["-c:v", "dnxhd", "-r", "25", "-s", "1280x720", "-b:v", "60M", *ONE],
    "raw.h264": H264,
    "raw.mjpeg": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "a.y4m": ["-s", "64x64", *ONE],
    "a.nut": ["-c:v", "mpeg4"],
    "a.apng": ["-c:v", "apng", "-plays", "0"],
    "a.png": ONE,
    "a.jpg": [*ONE, "-pix_fmt", "yuvj420p"],
    "a.bmp": ONE,
    "a.webp": [*ONE, "-c:v", "libwebp"],
    "animated.webp": ["-c:v", "libwebp_anim", "-loop", "0"],
}


def make_bases(folder: Path, program: str) -> dict[str, bytes]:
    """Each base's bytes by its name; leaves out what this ffmpeg cannot write."""

    def make(name: str) -> bytes | None:
        path = folder / name
        head = [program, "-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", PICTURES]
        sound = SOUND if "-c:a" in BASES[name] else []
        # The same bytes each time.
        steady = ["-fflags", "+bitexact", "-flags", "+bitexact", "-threads", "1"]
        done = subprocess.run(
            [*head, *sound, *BASES[name], *steady, f"file:{path}"], capture_output=True, check=False
        )
        return path.read_bytes() if done.returncode == 0 else None

    with ThreadPoolExecutor(2) as pool:
        made = zip(BASES, pool.map(make, BASES), strict=True)
        return {name: content for name, content in made if content}

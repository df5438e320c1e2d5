"""Each clip is decoded in the fastest way that is correct for it. Its frames are numbered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dejabug import media
from dejabug.media import decoding
from dejabug.media.decoding import Decoded, Sampling, Way, is_right, ways
from dejabug.media.limited_process import Outcome, run
from dejabug.media.probe import Probe
from dejabug.media.timeline import Timeline
from support.numbered_pictures import HEIGHT, WIDTH, raw, read_number

# Pictures a second of the clips, and how many: over two minutes a clip is sampled by keyframes.
RATE, PICTURES = 5, 1300
SMALL = "scale=192:108:flags=neighbor:out_color_matrix=bt601,format=yuv420p"
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-x264-params"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]
OPEN = ["-c:v", "libx264", "-preset", "superfast", "-g", "20", "-bf", "3"]
OPEN += ["-x264-params", "open-gop=1"]
CLIPS = {
    "closed groups": ("a.mp4", [*X264, "keyint=10:bframes=2"]),
    "open groups": ("a.mkv", OPEN),
    "open groups in a stream": ("a.ts", OPEN),
    "intra refresh": ("a.mp4", [*X264, "intra-refresh=1:keyint=10:bframes=0"]),
    "intra refresh in a stream": ("a.flv", [*X264, "intra-refresh=1:keyint=10:bframes=0"]),
    "VP9": ("a.webm", [*VP9, "-g", "10"]),
}


def numbered(path: Path, arguments: list[str], pictures: int = PICTURES) -> Path:
    """A clip whose pictures bear their numbers."""
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{WIDTH}x{HEIGHT}"]
    source += ["-framerate", str(RATE), "-i", "pipe:", "-vf", SMALL]
    program = media.find_ffmpeg()
    subprocess.run(
        [program, "-v", "error", *source, *arguments, str(path)],
        input=raw(range(pictures)),
        check=True,
    )
    return path


@pytest.mark.parametrize("name", CLIPS)
def test_a_long_clip_is_sampled_from_start_to_end_whatever_its_groups_of_pictures(
    name: str, ffmpeg_program: str, tmp_path: Path
) -> None:
    file, arguments = CLIPS[name]
    clip = numbered(tmp_path / file, arguments)
    frames = media.sample_frames(clip, program=ffmpeg_program)
    assert frames.duration == pytest.approx(PICTURES / RATE, abs=0.3)
    assert len(frames.sampled_times) >= 110
    assert frames.times[0] == 0
    assert frames.times[-1] > PICTURES / RATE - 5
    # The picture that is on screen at that time, or the one before.
    late = [
        float(t) * RATE - (read_number(p) or 0)
        for t, p in zip(frames.times, frames.pixels, strict=True)
    ]
    assert max(late) < 1.5
    assert min(late) > -0.5
    assert frames.notes() == []


def decoded(times: list[float], late: float = 0.0) -> Decoded:
    nothing = np.zeros(0, np.uint8)
    at = np.array(times, np.float32)
    return Decoded(at, nothing, nothing, at, late, 0.0, Outcome(b"", "", 0))


WANTED = Sampling(step=2.0, max_frames=120, size=(64, 48))


@pytest.mark.parametrize(
    ("way", "arrived", "late", "right"),
    [
        ("keyframes", 10, 0.0, True),
        ("keyframes", 9, 0.0, True),
        ("keyframes", 8, 0.0, False),
        ("keyframes", 10, 0.1, True),
        ("keyframes", 10, 0.11, False),
        ("needed", 18, 0.0, True),
        ("needed", 18, 1.0, True),
        ("needed", 17, 0.0, False),
        ("needed", 20, 1.1, False),
        ("every", 1, 30.0, True),
    ],
)
def test_a_way_is_right_if_it_gives_the_start_and_nine_tenths_of_what_the_packets_promise(
    way: Way, arrived: int, late: float, right: bool
) -> None:
    # A keyframe each four seconds of forty, and two more within a step of others.
    keys = (*(100.0 + 4 * n for n in range(10)), 100.5, 105.0)
    timeline = Timeline(40.0, False, skippable=True, keyframe_gap=4.0, start=100.0, keyframes=keys)
    assert is_right(decoded([0.0] * arrived, late), timeline, WANTED, way) is right


@pytest.mark.parametrize("given", [True, False])
def test_what_a_faster_way_gave_is_kept_when_a_slower_one_takes_too_long(
    given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = numbered(tmp_path / "a.mp4", CLIPS["intra refresh"][1])
    ran: list[list[str]] = []

    def run_once(arguments: list[str], *others: object, **options: object) -> Outcome:
        ran.append(arguments)
        if len(ran) > given:
            raise media.ClipError("timeout", "decoding took longer than 120 s and was stopped")
        return run(arguments, *others, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(decoding, "run", run_once)
    if not given:
        with pytest.raises(media.ClipError, match="took longer"):
            media.sample_frames(clip)
        return
    frames = media.sample_frames(clip)
    assert len(ran) == 2
    assert 0 < len(frames.times) < 20
    assert not frames.truncated
    (note,) = frames.notes()
    assert note.endswith("could be read")


def test_no_more_is_expected_than_is_asked_for() -> None:
    keys = tuple(2.0 * n for n in range(500))
    timeline = Timeline(1000.0, False, skippable=False, keyframe_gap=2.0, keyframes=keys)
    assert is_right(decoded([0.0] * 120), timeline, WANTED, "keyframes")


@pytest.mark.parametrize(
    ("gap", "step", "skippable", "codec", "height", "expected"),
    [
        (4.0, 2.0, True, "h264", 720, ["keyframes", "needed", "every"]),
        (4.0, 2.0, False, "av1", 720, ["keyframes", "every"]),
        (4.1, 2.0, True, "h264", 720, ["needed", "every"]),
        (4.0, 1.9, False, "h264", 720, ["every"]),
        (4.0, 2.0, False, "vp9", 720, ["every"]),
        # Small pictures cost little.
        (2.0, 2.0, True, "h264", 360, ["keyframes", "needed", "every"]),
        (2.1, 2.0, True, "h264", 360, ["needed", "every"]),
    ],
)
def test_the_fastest_way_that_may_be_right_is_tried_first(
    gap: float, step: float, skippable: bool, codec: str, height: int, expected: list[Way]
) -> None:
    timeline = Timeline(300.0, False, skippable=skippable, keyframe_gap=gap)
    size = (height * 16 // 9, height)
    about = Probe("mp4", codec, *size, 300.0, 50.0, stored_size=size)
    assert list(ways(timeline, step, about)) == expected


def test_a_clip_has_a_grey_signature_of_four_pictures_a_second(tmp_path: Path) -> None:
    clip = numbered(tmp_path / "a.mp4", CLIPS["closed groups"][1], pictures=50)
    signature = media.sample_frames(clip).signature
    assert signature.times.tolist() == [n / 4 for n in range(40)]
    assert signature.pictures.shape == (40, 12, 12)
    assert signature.pictures.dtype == np.uint8
    # The same pictures as the frames, made small.
    frames = media.sample_frames(clip, rate=4.0, short_side=108, drop_duplicates=False)
    grey = frames.pixels @ np.array([0.299, 0.587, 0.114])
    cells = grey.reshape(40, 12, 9, 12, 16).mean(axis=(2, 4))
    assert np.abs(cells * 219 / 255 + 16 - signature.pictures).mean() < 30
    assert np.corrcoef(cells.ravel(), signature.pictures.ravel())[0, 1] > 0.99


def test_a_long_clip_s_signature_has_a_picture_a_keyframe_at_its_time(tmp_path: Path) -> None:
    clip = numbered(tmp_path / "a.mp4", CLIPS["closed groups"][1])
    signature = media.sample_frames(clip).signature
    assert signature.times.tolist() == pytest.approx([2.0 * n for n in range(130)], abs=0.01)
    assert signature.pictures.shape == (130, 12, 12)


def test_the_signature_of_a_long_clip_with_many_keyframes_goes_to_its_end(
    ffmpeg_program: str, tmp_path: Path
) -> None:
    """Editors and capture cards often write keyframes alone."""
    clip = numbered(tmp_path / "a.mp4", [*X264, "keyint=1"])
    signature = media.sample_frames(clip, program=ffmpeg_program).signature
    assert signature.times[-1] > PICTURES / RATE - 1
    # Five keyframes a second, of which one in each quarter of a second is kept.
    assert len(signature.times) == pytest.approx(4 * PICTURES / RATE, rel=0.01)


def test_what_keyframes_bear_beside_their_pictures_does_not_end_the_fast_way(
    ffmpeg_program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x265 repeats its settings at each keyframe of a stream, which ffmpeg would print each time:
    5 kB, or more than may be said of half an hour."""
    monkeypatch.setattr("dejabug.media.limited_process.MOST_TALK", 200_000)
    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
    settings = "keyint=1:repeat-headers=1:log-level=none"
    clip = numbered(tmp_path / "a.ts", [*x265, settings], pictures=200)
    frames = media.sample_frames(clip, max_frames=20, program=ffmpeg_program)
    assert frames.notes() == []
    # The times of keyframes; all pictures would be at 0.25 and 0.5 s.
    assert frames.signature.times[:3].tolist() == pytest.approx([0, 0.4, 0.6], abs=0.01)


def test_a_screenshot_has_no_signature(tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "a.png")
    assert media.sample_frames(tmp_path / "a.png").signature.pictures.shape == (0, 12, 12)


def test_a_signature_does_not_go_further_than_the_frames(tmp_path: Path) -> None:
    """A last picture may claim to stay for hours."""
    clip = numbered(tmp_path / "a.mp4", CLIPS["closed groups"][1], pictures=100)
    frames = media.sample_frames(clip, rate=2.0, max_frames=5)
    assert frames.duration == pytest.approx(20, abs=0.3)
    assert frames.sampled_times[-1] == pytest.approx(16)
    assert frames.signature.times[-1] < 20

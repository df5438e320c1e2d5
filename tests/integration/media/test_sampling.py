"""Which frame is sampled, to the tenth of a second, and how many there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dejabug import media
from dejabug.media import Limits, decoding
from dejabug.media.content import distinct
from dejabug.media.decoding import SPARSE
from dejabug.media.sampling import sampling_step
from support.made_clips import CORNER, H264, Make, coloured, levels

VFR = ["-fps_mode", "vfr", "-c:v", "ffv1"]
KEY_EVERY = ["-sc_threshold", "0", "-g"]


def halves(shift: float, seconds: int = 3, rate: int = 30) -> list[str]:
    """Arguments for a clip whose grey level rises by 10 each half a second, `shift` seconds after
    the half."""
    source = f"color=black:size=64x48:rate={rate}:duration={seconds},format=gray"
    early = 0.5 - shift + 0.001
    return ["-f", "lavfi", "-i", f"{source},geq=lum='20+10*floor((T+{early})*2){CORNER}'"]


def numbered(rate: int, pictures: int) -> list[str]:
    """Arguments for a clip in which each picture's grey level is its number."""
    source = f"color=black:size=64x48:rate={rate}:duration={pictures / rate},format=gray"
    return ["-f", "lavfi", "-i", f"{source},geq=lum='20+10*N{CORNER}'"]


@pytest.mark.parametrize("shift", [0.1, 0.4])
@pytest.mark.parametrize("rate", [30, 10])
def test_a_picture_that_comes_after_the_sampled_time_is_not_the_frame(
    shift: float, rate: int, ffmpeg: Make, tmp_path: Path
) -> None:
    """Neither the nearest picture nor the last one before the next time: what is on screen."""
    clip = ffmpeg(tmp_path / "a.mp4", *halves(shift, rate=rate), *H264)
    frames = media.sample_frames(clip, rate=2.0, drop_duplicates=False)
    assert frames.times.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert levels(frames) == [0, 1, 2, 3, 4, 5]


def test_between_two_pictures_the_earlier_one_is_on_screen(ffmpeg: Make, tmp_path: Path) -> None:
    """Pictures at 0, 0.4, 0.8 … s: none falls on half a second."""
    clip = ffmpeg(tmp_path / "a.mkv", *numbered(5, 15), "-vf", "select='not(mod(n,2))'", *VFR)
    frames = media.sample_frames(clip, rate=2.0, drop_duplicates=False)
    shown = [2 * int((time + 0.001) / 0.4) for time in frames.times]
    assert len(shown) == 6
    assert levels(frames) == shown


def test_times_count_from_the_first_picture_though_sound_begins_before(
    ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, later = ["-f", "lavfi", "-i", "sine=duration=9"], ["-itsoffset", "0.3"]
    both = ["-map", "0", "-map", "1"]
    clip = ffmpeg(tmp_path / "a.mkv", *sound, *later, *halves(0.1), *both, "-c:v", "ffv1")
    frames = media.sample_frames(clip, rate=2.0, drop_duplicates=False)
    assert frames.times.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert levels(frames) == [0, 1, 2, 3, 4, 5]
    # The pictures' own length, not that of the sound.
    assert frames.duration == pytest.approx(3.0)
    monkeypatch.setattr(decoding, "CHEAP", 0)
    long = ffmpeg(
        tmp_path / "b.mkv", *sound, *later, *coloured(20, rate=10), *both, *H264, *KEY_EVERY, "45"
    )
    frames = media.sample_frames(long, max_frames=5, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx([0, 4.5, 9, 13.5, 18], abs=0.01)
    assert levels(frames) == [0, 4, 9, 13, 18]


@pytest.mark.parametrize("between", ["bframes=1", "bframes=3:b-pyramid=none"])
def test_a_slow_clip_s_every_picture_counts(between: str, ffmpeg: Make, tmp_path: Path) -> None:
    """Skipping pictures that no other needs would show one that is a tenth of a second old."""
    always = f"{between}:b-adapt=0:scenecut=0"
    # Without any loss (-qp 0) x264 makes no pictures that others do not need.
    plain = ["-c:v", "libx264", "-qp", "1", "-x264-params", always]
    full = ["-color_range", "pc", "-pix_fmt", "yuvj420p"]
    clip = ffmpeg(tmp_path / "a.mp4", *numbered(10, 20), *plain, *full)
    frames = media.sample_frames(clip, rate=10.0, drop_duplicates=False)
    assert levels(frames) == list(range(20))


@pytest.mark.parametrize(
    ("every", "times"),
    [
        (50, [0, 5, 10, 15]),
        (51, [0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5]),
    ],
)
def test_keyframes_will_do_if_there_is_one_in_the_time_of_two_samples_of_a_costly_clip(
    every: int, times: list[float], ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "CHEAP", 0)
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(20, rate=10), *H264, *KEY_EVERY, str(every))
    frames = media.sample_frames(clip, max_frames=8, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx(times, abs=0.01)
    assert levels(frames) == [int(time) for time in times]


@pytest.mark.parametrize(
    ("max_frames", "times"), [(4, [0, 3, 4.5, 6]), (5, [0, 1.6, 3.2, 4.8, 6.4])]
)
def test_keyframes_will_do_from_two_seconds_between_samples_on(
    max_frames: int, times: list[float], ffmpeg: Make, tmp_path: Path
) -> None:
    assert sampling_step(8.0, 2.0, 4) == SPARSE
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(8, rate=10), *H264, *KEY_EVERY, "15")
    frames = media.sample_frames(clip, max_frames=max_frames, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx(times, abs=0.01)


def test_no_more_of_a_clip_is_sampled_than_is_looked_at(
    ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(20, rate=10), *H264, *KEY_EVERY, "50")
    short = Limits(max_duration_seconds=3.0)
    frames = media.sample_frames(clip, limits=short, drop_duplicates=False)
    assert frames.times.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert frames.duration == 3.0
    assert not frames.truncated
    # By keyframes, of which the file has one each five seconds.
    monkeypatch.setattr(decoding, "CHEAP", 0)
    some = Limits(max_duration_seconds=10.0)
    frames = media.sample_frames(clip, limits=some, max_frames=4, drop_duplicates=False)
    assert frames.times.tolist() == pytest.approx([0, 5])


def test_no_more_frames_are_sampled_than_asked_for(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(5, rate=10), *H264)
    for most in (5, 9, 10, 11):
        frames = media.sample_frames(clip, max_frames=most, drop_duplicates=False)
        assert len(frames.times) == min(most, 10)
        assert not frames.truncated


def test_a_clip_s_duration_is_told_to_its_last_picture(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *numbered(10, 23), *H264)
    frames = media.sample_frames(clip, rate=1.0)
    assert frames.duration == pytest.approx(2.3)
    assert len(frames.times) == 3


def test_frames_kept_and_dropped_are_all_that_were_sampled(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *coloured(3, rate=10), *H264)
    frames = media.sample_frames(clip, rate=5.0)
    assert (len(frames.times), frames.dropped) == (3, 12)
    frames = media.sample_frames(clip, rate=5.0, drop_duplicates=False)
    assert (len(frames.times), frames.dropped) == (15, 0)


def test_a_recording_that_changes_its_resolution_is_sampled_to_its_end(
    ffmpeg: Make, tmp_path: Path
) -> None:
    source = "color=black:size=96x48:rate=10:duration=3,format=gray,geq=lum='50+10*floor(T+0.001)'"
    first = ffmpeg(tmp_path / "a.ts", *coloured(3, rate=10), *H264)
    second = ffmpeg(tmp_path / "b.ts", "-f", "lavfi", "-i", source, *H264, "-output_ts_offset", "3")
    clip = tmp_path / "c.ts"
    clip.write_bytes(first.read_bytes() + second.read_bytes())
    frames = media.sample_frames(clip, rate=1.0, drop_duplicates=False, short_side=48)
    assert frames.times.tolist() == [0, 1, 2, 3, 4, 5]
    assert levels(frames) == [0, 1, 2, 3, 4, 5]
    assert frames.pixels.shape[1:3] == (48, 64)


def test_an_interlaced_recording_may_change_its_resolution(
    ffmpeg: Make, ffmpeg_program: str, tmp_path: Path
) -> None:
    fields = [*H264, "-x264-params", "tff=1"]
    first = ffmpeg(tmp_path / "a.ts", *coloured(3, size="192x144", rate=10), *fields)
    source = "color=black:size=96x48:rate=10:duration=3,format=gray,geq=lum='50+10*floor(T+0.001)'"
    second = ffmpeg(
        tmp_path / "b.ts", "-f", "lavfi", "-i", source, *fields, "-output_ts_offset", "3"
    )
    clip = tmp_path / "c.ts"
    clip.write_bytes(first.read_bytes() + second.read_bytes())
    assert media.probe(clip, program=ffmpeg_program).first_field == "top"
    frames = media.sample_frames(
        clip, rate=1.0, drop_duplicates=False, short_side=48, program=ffmpeg_program
    )
    assert levels(frames) == [0, 1, 2, 3, 4, 5]
    # All of each picture, and no memory behind a smaller one.
    assert frames.pixels[3:].std(axis=(1, 2, 3)).max() < 2


def damaged(path: Path, share: float, until: float = 1.0) -> Path:
    """A file whose table of contents, at its beginning, is in order, and whose pictures cannot be
    read from this share of them on: a download that was never finished, of a size set at once."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    first, last = (start + round((len(data) - start) * each) for each in (share, until))
    data[first:last] = bytes(last - first)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_file_whose_pictures_are_damaged_from_somewhere_on_is_called_truncated(
    share: float, ffmpeg: Make, tmp_path: Path
) -> None:
    """ffmpeg itself finds no fault while a third of the pictures can be decoded."""
    moving = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=15"]
    whole = ffmpeg(tmp_path / "a.mp4", *moving, *H264, "-movflags", "+faststart")
    assert not media.sample_frames(whole).truncated
    frames = media.sample_frames(damaged(whole, share))
    assert frames.truncated
    assert frames.duration == pytest.approx(15.0)
    assert frames.times[-1] < 15 * share + 1


def test_damage_to_a_clip_s_last_second_alone_is_not_told(ffmpeg: Make, tmp_path: Path) -> None:
    """As with a file that is cut off there."""
    moving = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=15"]
    whole = ffmpeg(tmp_path / "a.mp4", *moving, *H264, "-movflags", "+faststart")
    frames = media.sample_frames(damaged(whole, 0.94), drop_duplicates=False)
    assert frames.times[-1] < 14.5
    assert not frames.truncated


def test_damage_to_most_pictures_in_the_middle_is_told(ffmpeg: Make, tmp_path: Path) -> None:
    moving = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=15"]
    options = ["-c:v", "mjpeg", "-movflags", "+faststart"]
    whole = ffmpeg(tmp_path / "a.mov", *moving, *options)
    assert not media.sample_frames(whole).truncated
    frames = media.sample_frames(damaged(whole, 0.1, until=0.9), drop_duplicates=False)
    assert frames.times[-1] >= 14
    assert frames.truncated


def test_a_long_clip_that_is_damaged_from_its_middle_on_is_called_truncated(
    ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By keyframes, which lie as far from the end as from each other."""
    monkeypatch.setattr(decoding, "CHEAP", 0)
    moving = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=29"]
    keys = [*KEY_EVERY, "30", "-movflags", "+faststart"]  # the last at 24 s
    whole = ffmpeg(tmp_path / "a.mp4", *moving, *H264, *keys)
    frames = media.sample_frames(whole, max_frames=9)
    assert frames.times.tolist() == pytest.approx([0, 6, 12, 18, 24])
    assert not frames.truncated
    frames = media.sample_frames(damaged(whole, 0.5), max_frames=9)
    assert frames.truncated
    assert frames.times[-1] < 18


def test_a_last_picture_that_stays_for_long_is_no_sign_of_damage(tmp_path: Path) -> None:
    first, second = (Image.new("L", (96, 96), level) for level in (20, 140))
    for each in (first, second):
        each.paste(255, (0, 0, 10, 10))
    clip = tmp_path / "a.gif"
    first.save(clip, save_all=True, append_images=[second], duration=[100, 9000])
    frames = media.sample_frames(clip)
    assert frames.times.tolist() == [0, 0.5]
    assert not frames.truncated


@pytest.mark.parametrize(
    ("duration", "rate", "max_frames", "step"),
    [
        (0.0, 2.0, 120, 0.5),
        (60.0, 2.0, 120, 0.5),
        (61.2, 2.0, 120, 0.51),
        (60.0, 4.0, 120, 0.5),
        (1800.0, 2.0, 120, 15.0),
        (3.0, 0.5, 120, 2.0),
    ],
)
def test_samples_lie_as_close_as_the_rate_or_the_number_of_frames_allows(
    duration: float, rate: float, max_frames: int, step: float
) -> None:
    assert sampling_step(duration, rate, max_frames) == pytest.approx(step)


def grey(*quarters: int) -> np.ndarray:
    """Frames uint8 [n, 64, 96, 3] that are so many quarters of a level brighter than black, on the
    mean."""
    frames = np.zeros((len(quarters), 64, 96, 3), np.uint8)
    for frame, count in zip(frames, quarters, strict=True):
        whole, rest = divmod(count, 4)
        frame[:] = whole
        frame[: 16 * rest] += 1
    return frames


@pytest.mark.parametrize(
    ("quarters", "kept"),
    [
        ((0, 3), [0, 1]),
        ((0, 2), [0]),
        ((3, 0), [0, 1]),
        # Little by little: each is compared with the last one that was kept.
        ((0, 2, 4, 6, 8), [0, 2, 4]),
        ((0, 4, 4, 0, 0), [0, 1, 3]),
        ((7,), [0]),
    ],
)
def test_a_frame_is_kept_from_three_quarters_of_a_level_of_difference_on(
    quarters: tuple[int, ...], kept: list[int]
) -> None:
    assert distinct(grey(*quarters)).tolist() == kept


def test_differences_add_up_over_the_picture_whichever_way_they_go() -> None:
    frames = np.full((2, 64, 96, 3), 100, np.uint8)
    frames[1, :32], frames[1, 32:] = 101, 99
    assert distinct(frames).tolist() == [0, 1]

"""`dejabug probe`: its output for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dejabug import media
from dejabug.media.tracks import read_tracks
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from support.command_line import PROBE_KEYS, call, words
from support.made_clips import Make
from support.processes import dejabug, new_python

# Nothing listens there: the command must not ask.
NO_REDIS = {"DEJABUG_REDIS_URL": "redis://127.0.0.1:1/0"}
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]


def moving(seconds: float, size: str = "320x240") -> list[str]:
    """Arguments for a clip in which much moves."""
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30:duration={seconds}"]


def told(*arguments: str | Path) -> list[dict[str, Any]]:
    answer = call("probe", "--json", *map(str, arguments))
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_script_gets_one_object_with_all_that_was_read(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    (found,) = told(ffmpeg(tmp_path / "a.mp4", *moving(2), *H264))
    assert found == {
        "duration": 2.0,
        "width": 299,
        "height": 224,
        "times": [0.0, 0.5, 1.0, 1.5],
        "sampled_times": [0.0, 0.5, 1.0, 1.5],
        "truncated": False,
        "notes": [],
        "status": "indexed",
        "reason": "",
    }


def test_what_is_dropped_is_still_among_the_sampled_times(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    # A second of black, one of play, one in which nothing moves any more.
    filters = "trim=duration=1,tpad=start_duration=1:stop_mode=clone:stop_duration=1"
    clip = ffmpeg(tmp_path / "a.mp4", *moving(3), "-vf", filters, *H264)
    (found,) = told(clip)
    assert found["sampled_times"] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert found["times"] == [1.0, 1.5, 2.0]
    assert found["notes"] == ["2 of 6 frames are black or a single colour and were skipped"]
    shown = words(call("probe", str(clip)).stdout)
    assert "6 sampled, 3 kept, 1 dropped as near-duplicates" in shown
    assert "2 dropped as black" in shown
    assert "times 1 1.5 2 s" in shown
    assert "note 2 of 6 frames are black" in shown


def test_a_file_that_cannot_be_read_ends_with_its_reason_and_status_1(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    good = ffmpeg(tmp_path / "good.mp4", *moving(1), *H264)
    answer = call("probe", "--json", str(tmp_path / "bad.mp4"), str(good))
    assert answer.exit_code == 1
    bad, fine = map(json.loads, answer.stdout.splitlines())
    assert bad.keys() == fine.keys() == PROBE_KEYS
    assert (bad["status"], bad["times"], bad["width"]) == (str(ClipStatus.FAILED), [], None)
    assert bad["reason"].startswith("not_a_video: the file is not a video")
    assert fine["status"] == str(ClipStatus.INDEXED)
    shown = call("probe", str(tmp_path / "bad.mp4"))
    assert shown.exit_code == 1
    assert "status failed: not_a_video: the file is not a video" in words(shown.stdout)


def test_a_clip_of_black_alone_says_so_and_still_tells_its_size(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", "color=black:size=320x240:rate=30:duration=2"]
    (found,) = told(ffmpeg(tmp_path / "a.mp4", *source, *H264))
    assert found["reason"].startswith("blank: ")
    assert (found["width"], found["height"], found["duration"]) == (299, 224, 2.0)
    assert found["truncated"] is False


def test_a_file_that_is_cut_off_is_truncated_whether_or_not_it_can_be_read(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    whole = ffmpeg(tmp_path / "a.mkv", *moving(4), *H264).read_bytes()
    (tmp_path / "part.mkv").write_bytes(whole[: len(whole) // 2])
    mp4 = ffmpeg(tmp_path / "a.mp4", *moving(4), *H264).read_bytes()
    (tmp_path / "part.mp4").write_bytes(mp4[: len(mp4) // 2])
    part, headless = told(tmp_path / "part.mkv", tmp_path / "part.mp4")
    assert (part["status"], part["truncated"]) == ("indexed", True)
    assert "truncated" in part["notes"][0]
    assert (headless["status"], headless["truncated"]) == ("failed", True)


def test_a_name_that_no_worker_would_read_is_told(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(1), *H264)
    for name, told_so in (("a.mp4", False), ("recording", False), ("a.log", True)):
        copy = clip.rename(tmp_path / name)
        assert ("with this name is skipped" in words(call("probe", str(copy)).stdout)) == told_so
        clip = copy


def test_a_wrong_name_is_told_before_anything_is_read(
    cold_services: Services, tmp_path: Path
) -> None:
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "none.mp4", "does not exist")):
        answer = call("probe", "--json", str(path))
        assert (answer.exit_code, answer.stdout) == (1, "")
        assert says in words(answer.stderr)


def test_it_needs_neither_redis_nor_the_model(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(1), *H264)
    done = dejabug("probe", "--json", str(clip), **NO_REDIS)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["times"] == [0.0, 0.5]
    # With no encoder that exists, a model would be missed.
    model = {"DEJABUG_CLIP_MODEL": "no/such-model", "HF_HUB_OFFLINE": "1"}
    started = new_python("probe", "--json", str(clip), **NO_REDIS, **model)
    assert (started.returncode, started.stdout) == (0, done.stdout)


def test_the_services_settings_count(cold_services: Services, ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(4), *H264)
    settings = {
        "DEJABUG_FRAMES_PER_SECOND": "1",
        "DEJABUG_MAX_FRAMES": "3",
        "DEJABUG_CLIP_MAX_BYTES": "100000000",
    }
    done = dejabug("probe", "--json", str(clip), **NO_REDIS, **settings)
    assert len(json.loads(done.stdout)["times"]) == 3
    done = dejabug("probe", "--json", str(clip), **{**settings, "DEJABUG_CLIP_MAX_BYTES": "99"})
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"].startswith("too_large: ")
    done = dejabug("probe", str(clip), DEJABUG_FFMPEG="/no/such/program")
    assert done.returncode == 1
    assert "DEJABUG_FFMPEG=/no/such/program" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_size_of_another_encoders_frames_can_be_asked_for(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(1), *H264)
    (found,) = told("--image-size", "260", clip)
    assert (found["width"], found["height"]) == (347, 260)


def test_a_person_is_told_which_of_several_tracks_is_read_and_why(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    proxy = ffmpeg(tmp_path / "proxy.mp4", *moving(1, "160x120"), *H264)
    full = ffmpeg(tmp_path / "full.mp4", *moving(3), *H264)
    clip = ffmpeg(
        tmp_path / "a.mkv", "-i", str(proxy), "-i", str(full), "-map", "0", "-map", "1",
        "-c", "copy", "-disposition:v:0", "0", "-disposition:v:1", "default",
    )  # fmt: skip
    shown = words(call("probe", str(clip)).stdout)
    assert "track stream 1: the file marks it as the default" in shown
    assert "not read stream 0: h264, 160 x 120" in shown
    assert "duration 3 s" in shown


def test_a_person_is_told_what_is_done_to_size_and_colours(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    upright = ffmpeg(tmp_path / "a.mp4", *moving(1), *H264)
    turned = ffmpeg(tmp_path / "t.mp4", "-display_rotation", "90", "-i", str(upright), "-c", "copy")
    shown = words(call("probe", str(turned)).stdout)
    assert "240 x 320 pixels, stored as 320 x 240, rotated by 90°, frames 224 x 299" in shown
    assert "no matrix tag, read as smpte170m" in shown
    tags = "color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    ten_bits = ["-vf", f"setparams={tags}", "-c:v", "libx265", "-pix_fmt", "yuv420p10le"]
    hdr = ffmpeg(tmp_path / "h.mp4", *moving(1), *ten_bits)
    shown = words(call("probe", str(hdr)).stdout)
    mapper = media.tone_mapper(media.find_ffmpeg())
    assert (
        f"HDR10 (PQ), bt2020nc, bt2020 primaries, limited range; tone-mapped to SDR by {mapper}"
        in shown
    )


def test_the_numbers_of_tracks_are_the_files_own(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(
        tmp_path / "a.mkv", "-f", "lavfi", "-i", "sine=duration=1", *moving(1),
        "-map", "0", "-map", "1", *H264,
    )  # fmt: skip
    (track,) = read_tracks(clip).found
    assert (track.number, track.codec, track.width, track.cover) == (1, "h264", 320, False)


def test_frames_are_written_by_their_times_and_never_over_others(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(2), *H264)
    folder = tmp_path / "frames"
    assert call("probe", str(clip), "--frames", str(folder)).exit_code == 0
    names = ["0000.000.png", "0000.500.png", "0001.000.png", "0001.500.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    with Image.open(folder / names[1]) as picture:
        pixels = np.asarray(picture)
    assert (pixels == media.sample_frames(clip).pixels[1]).all()
    (folder / "notes.txt").write_text("mine")
    again = call("probe", str(clip), "--frames", str(folder))
    assert again.exit_code == 1
    assert "already has frames" in words(again.output + again.stderr)
    short = ffmpeg(tmp_path / "b.mp4", *moving(1), *H264)
    assert call("probe", str(short), "--frames", str(folder), "--force").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [*names[:2], "notes.txt"]


def test_several_files_frames_lie_in_a_folder_each(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "other" / "a.mp4"]
    first, second, same = (ffmpeg(path, *moving(1), *H264) for path in paths)
    folder = tmp_path / "frames"
    assert len(told(first, second, "--frames", folder)) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["a.mp4", "b.mp4"]
    answer = call("probe", str(first), str(same), "--frames", str(tmp_path / "more"))
    assert answer.exit_code == 1
    assert "the same name" in words(answer.output + answer.stderr)
    assert not (tmp_path / "more").exists()


def test_the_sheet_is_a_png_of_one_file_and_never_replaces_the_clip(
    cold_services: Services, ffmpeg: Make, tmp_path: Path
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *moving(2), *H264)
    sheet = tmp_path / "sheet.png"
    assert "Contact sheet" in call("probe", str(clip), "--sheet", str(sheet)).stdout
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 640
    still = tmp_path / "still.png"
    Image.fromarray(media.sample_frames(clip).pixels[0]).save(still)
    before = still.read_bytes()
    for arguments, says in (
        ([still, "--sheet", still], "would overwrite"),
        ([clip, "--sheet", tmp_path / "sheet.mp4"], "writes a PNG"),
        ([clip, still, "--sheet", sheet], "a single file only"),
    ):
        answer = call("probe", *map(str, arguments))
        assert answer.exit_code == 1
        assert says in words(answer.output + answer.stderr)
    assert still.read_bytes() == before


@pytest.mark.parametrize("name", ["crafter-05.mp4", "crafter-03.webm"])
def test_what_it_tells_is_what_the_service_samples(
    cold_services: Services, clips: Path, name: str
) -> None:
    (found,) = told(clips / name)
    frames = media.sample_frames(clips / name)
    assert found["times"] == [round(float(time), 3) for time in frames.times]
    assert found["duration"] == round(frames.duration, 3)

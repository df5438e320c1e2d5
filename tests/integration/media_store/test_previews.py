"""Previews: small copies that match the sampled frames, and how they are stored."""

from __future__ import annotations

import io
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dejabug import media
from dejabug.infra.logs import configure_logs
from dejabug.jira.errors import JiraUnavailableError
from dejabug.media import ClipError, Limits
from dejabug.media import preview as preview_module
from dejabug.media.preview import MOST_BYTES, most_bits, preview_rate
from dejabug.media.scaling import PREVIEW_LONG, PREVIEW_SHORT, preview_size
from dejabug.media_store.folder_store import ABANDONED_SECONDS, FolderStore
from dejabug.media_store.preview_records import FileRecords
from dejabug.media_store.previews import Previews
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.services import Services, set_services
from dejabug.worker import jobs
from dejabug.worker.jobs import preview_clip
from support.jira_site import TOKEN, Site
from support.made_clips import Make
from support.workers import KilledError

FFMPEG = media.find_ffmpeg()
DAY = 24 * 3600.0
# For an ffmpeg that starts another one, which lies where a sandbox lets nobody look.
OUTSIDE = Limits(sandbox="off")

# A clip whose white part tells the time: it grows by 60 of 256 columns a second.
CLOCK = (
    "color=black:size=256x96:rate={rate}:duration=4,format=gray,"
    "geq=lum='if(lt(X,8+60*N/{rate}),235,16)'"
)
PLAIN = ["-pix_fmt", "yuv420p", "-crf", "12"]
H264 = ["-c:v", "libx264", "-bf", "3", *PLAIN]


def clock(rate: int = 30) -> list[str]:
    return ["-f", "lavfi", "-i", CLOCK.format(rate=rate)]


def told(pixels: np.ndarray) -> np.ndarray:
    """The seconds that frames' white parts tell."""
    white = (pixels.reshape(len(pixels), -1) > 128).mean(axis=1)
    return (white * 256 - 8) / 60


def packets(path: Path) -> list[tuple[float, bool]]:
    """Presentation times in seconds and whether each is a key frame, as stored in the file."""
    command = [FFMPEG, "-v", "error", "-copyts", "-i", path, "-c", "copy", "-f", "framecrc", "-"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    base = re.search(r"^#tb 0: (\d+)/(\d+)$", listing, re.MULTILINE)
    assert base is not None
    tick = int(base[1]) / int(base[2])
    lines = [line.split(",") for line in listing.splitlines() if not line.startswith("#")]
    return [(int(line[2]) * tick, "F=0x0" not in line[-1]) for line in lines]


def pictures(path: Path) -> np.ndarray:
    """All frames of a preview, [n, h * w * 3]."""
    about = media.probe(path)
    command = [FFMPEG, "-v", "error", "-i", path, "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, about.width * about.height * 3)


def described(path: Path) -> str:
    said = subprocess.run([FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True)
    return said.stderr


def built(kind: str, ffmpeg: Make, tmp_path: Path) -> Path:
    """Clips whose times are easily got wrong."""
    match kind:
        case "plain":
            return ffmpeg(tmp_path / "a.mp4", *clock(), *H264)
        case "60 a second":
            return ffmpeg(tmp_path / "a.mp4", *clock(60), *H264)
        case "50 a second":
            return ffmpeg(tmp_path / "a.mkv", *clock(50), *H264)
        case "begins late":
            late = ["-output_ts_offset", "7.3"]
            return ffmpeg(tmp_path / "a.ts", *clock(25), *H264, "-g", "10", *late)
        case "rotated":
            flat = ffmpeg(tmp_path / "flat.mp4", *clock(), *H264)
            turn = ["-display_rotation:v:0", "90"]
            return ffmpeg(tmp_path / "a.mp4", *turn, "-i", str(flat), "-c", "copy")
        case "variable rate":
            wobble = ["-vf", "select='lt(t,2)+not(mod(n,5))'", "-fps_mode", "vfr"]
            return ffmpeg(tmp_path / "a.mp4", *clock(), *wobble, *H264)
        case "gif":
            return ffmpeg(tmp_path / "a.gif", *clock(10))
        case "truncated":
            start = ["-movflags", "+faststart"]
            noise = ["-vf", "noise=alls=6:allf=t", *H264, "-g", "15"]
            whole = ffmpeg(tmp_path / "w.mp4", *clock(), *noise, *start).read_bytes()
            (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
            return tmp_path / "a.mp4"
        case _:
            vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "20"]
            return ffmpeg(tmp_path / "a.webm", *clock(), *vp9, "-b:v", "0")


KINDS = [
    "plain", "60 a second", "50 a second", "begins late", "rotated", "variable rate", "gif",
    "truncated", "vp9",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_s_clock_agrees_with_the_sampled_frames(
    kind: str, ffmpeg: Make, tmp_path: Path
) -> None:
    clip = built(kind, ffmpeg, tmp_path)
    preview = tmp_path / "preview.mp4"
    media.make_preview(clip, preview)
    sampled = media.sample_frames(clip, rate=4, drop_duplicates=False)
    times = np.array([when for when, _ in packets(preview)])
    rate = preview_rate(media.probe(clip).fps)
    frame = 1 / rate
    # It starts at 0 and its frames are evenly spaced.
    assert times == pytest.approx(np.arange(len(times)) * frame, abs=0.004)
    shown = told(pictures(preview))
    at = np.minimum(np.searchsorted(times, sampled.times + 1e-3, "right") - 1, len(times) - 1)
    # A source's frame stays on screen for as long as there is no newer one.
    slowest = 1 / 6 if kind == "variable rate" else 0.1 if kind == "gif" else 1 / 25
    assert shown[at] == pytest.approx(told(sampled.pixels), abs=max(frame, slowest) + 0.01)
    assert len(times) * frame == pytest.approx(sampled.duration, abs=0.25)
    assert sampled.truncated is (kind == "truncated")
    if kind == "rotated":
        assert (media.probe(preview).width, media.probe(preview).height) == (96, 256)


def test_a_key_frame_stands_every_half_second(ffmpeg: Make, tmp_path: Path) -> None:
    # Even where scenes change at each frame.
    source = [
        "-f",
        "lavfi",
        "-i",
        "nullsrc=size=128x96:rate=30:duration=3,geq=random(1)*255:128:128",
    ]
    clip = ffmpeg(tmp_path / "a.mp4", *source, *H264)
    media.make_preview(clip, tmp_path / "p.mp4")
    keys = [when for when, key in packets(tmp_path / "p.mp4") if key]
    assert keys == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("odd.gif", "161x91", []),
        ("ten-bit.mkv", "160x90", ["-c:v", "libx265", "-x265-params", "log-level=none",
                                   "-pix_fmt", "yuv420p10le"]),
        ("alpha.mov", "161x91", ["-c:v", "qtrle", "-vf", "format=argb,colorchannelmixer=aa=0.5"]),
        ("alpha.webm", "160x90", ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline",
                                  "realtime", "-cpu-used", "8"]),
        ("full.mp4", "160x90", ["-c:v", "libx264", "-pix_fmt", "yuvj444p"]),
        ("grey.mkv", "33x7", ["-c:v", "ffv1", "-pix_fmt", "gray"]),
        ("tiny.mkv", "160x90", ["-c:v", "ffv1", "-vf", "crop=3:1:0:0:exact=1"]),
        ("large.mkv", "1280x2000", ["-c:v", "mpeg4"]),
    ],
)  # fmt: skip
def test_every_pixel_format_and_size_becomes_what_browsers_play(
    name: str, size: str, options: list[str], ffmpeg: Make, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=1"]
    clip = ffmpeg(tmp_path / name, *source, *options)
    media.make_preview(clip, tmp_path / "p.mp4")
    about = media.probe(tmp_path / "p.mp4")
    assert "Video: h264 (High)" in described(tmp_path / "p.mp4").replace("Constrained ", "")
    assert "yuv420p(tv, bt709" in described(tmp_path / "p.mp4")
    asked = media.probe(clip)
    assert (about.width, about.height) == preview_size(asked.width, asked.height)


def test_the_picture_is_the_picture(ffmpeg: Make, tmp_path: Path) -> None:
    """Colours and places: left red, right blue, in a container that names no colours."""
    source = "color=red:size=64x64:rate=5:duration=1[l];color=blue:size=64x64:rate=5:duration=1"
    clip = ffmpeg(tmp_path / "a.gif", "-f", "lavfi", "-i", f"{source}[r];[l][r]hstack")
    media.make_preview(clip, tmp_path / "p.mp4")
    picture = media.sample_frames(tmp_path / "p.mp4", short_side=64).pixels[0]
    assert picture[32, 32].tolist() == pytest.approx([254, 0, 0], abs=16)
    assert picture[32, 96].tolist() == pytest.approx([0, 0, 254], abs=16)


def test_nothing_but_pictures_is_copied(ffmpeg: Make, tmp_path: Path) -> None:
    told_twice = ["-metadata", "title=team-secret", "-metadata:s:v", "title=team-secret"]
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nteam-secret\n")
    sound = ["-f", "lavfi", "-i", "sine=duration=4", "-i", str(tmp_path / "a.srt")]
    all_of_it = ["-map", "0", "-map", "1", "-map", "2", "-c:s", "srt"]
    clip = ffmpeg(tmp_path / "a.mkv", *clock(), *sound, *H264, *all_of_it, *told_twice)
    assert b"team-secret" in clip.read_bytes()
    media.make_preview(clip, tmp_path / "p.mp4")
    data = (tmp_path / "p.mp4").read_bytes()
    said = described(tmp_path / "p.mp4")
    assert b"secret" not in data
    assert said.count("Stream #") == 1
    assert "title" not in said
    # The table of contents comes first, so that playing begins with the first bytes.
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_preview_ends_at_the_longest_duration(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *clock(), *H264)
    media.make_preview(clip, tmp_path / "p.mp4", limits=Limits(max_duration_seconds=1.5))
    assert media.probe(tmp_path / "p.mp4").duration == pytest.approx(1.5, abs=0.05)


NOISE = ["-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30:duration=4,geq=random(1)*255:128:128"]


def test_a_clip_that_does_not_compress_stays_within_the_bound(
    ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *NOISE, "-c:v", "libx264", "-preset", "ultrafast")
    monkeypatch.setattr(preview_module, "MOST_BYTES", 400_000)
    media.make_preview(clip, tmp_path / "p.mp4")
    assert (tmp_path / "p.mp4").stat().st_size < 400_000
    assert media.probe(tmp_path / "p.mp4").duration == pytest.approx(4, abs=0.05)


def test_what_passes_the_bound_is_refused_and_nothing_appears(
    ffmpeg: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *NOISE, "-c:v", "libx264", "-preset", "ultrafast")
    monkeypatch.setattr(preview_module, "MOST_BYTES", 4_000)
    target = tmp_path / "previews" / "p.mp4"
    target.parent.mkdir()
    target.write_text("the one before")
    with pytest.raises(ClipError) as caught:
        media.make_preview(clip, target)
    assert caught.value.code == "too_large"
    assert target.read_text() == "the one before"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"PK\x03\x04" + bytes(400), "not_a_video"), (b"#EXTM3U\n", "not_a_video")],
)
def test_what_is_no_clip_has_no_preview(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ClipError) as caught:
        media.make_preview(tmp_path / "a.mp4", tmp_path / "p.mp4")
    assert caught.value.code == code
    assert not (tmp_path / "p.mp4").exists()


def test_limits_of_time_memory_and_pixels_hold(laborious: Path, tmp_path: Path) -> None:
    bounds = {
        "timeout": Limits(timeout_seconds=0.6),
        "memory": Limits(memory_bytes=256 * 1024 * 1024),
        "too_many_pixels": Limits(max_pixels=1920 * 1079),
    }
    for code, limits in bounds.items():
        with pytest.raises(ClipError) as caught:
            media.make_preview(laborious, tmp_path / "p.mp4", limits=limits)
        assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def an_ffmpeg_that(does: str, tmp_path: Path) -> str:
    """The real one, but for what it does when asked to encode."""
    script = tmp_path / "ffmpeg"
    script.write_text(
        f'#!/bin/bash\n[[ "$*" == *libx264* ]] && {{ {does}; }}\nexec {FFMPEG} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def test_an_ffmpeg_without_the_encoder_is_told_of(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *clock(), *H264)
    program = an_ffmpeg_that(f'exec {FFMPEG} "${{@/libx264/nothing264}}"', tmp_path)
    with pytest.raises(media.EncoderMissingError, match="libx264"):
        media.make_preview(clip, tmp_path / "p.mp4", program=program, limits=OUTSIDE)


def test_a_full_disk_is_no_fault_of_the_clip(ffmpeg: Make, tmp_path: Path) -> None:
    clip = ffmpeg(tmp_path / "a.mp4", *clock(), *H264)
    program = an_ffmpeg_that("echo 'p.mp4: No space left on device' >&2; exit 228", tmp_path)
    with pytest.raises(OSError, match="no disk space left"):
        media.make_preview(clip, tmp_path / "p.mp4", program=program, limits=OUTSIDE)


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_sides_are_even_within_the_bounds_and_never_larger(width: int, height: int) -> None:
    wide, high = preview_size(width, height)
    assert wide % 2 == high % 2 == 0
    assert 2 <= wide <= max(2, width)
    assert 2 <= high <= max(2, height)
    assert min(wide, high) <= PREVIEW_SHORT
    assert max(wide, high) <= PREVIEW_LONG
    if max(width, height) <= PREVIEW_SHORT:
        assert wide >= width - 1
        assert high >= height - 1
    factor = min(1, PREVIEW_SHORT / min(width, height), PREVIEW_LONG / max(width, height))
    assert wide == pytest.approx(width * factor, abs=2.01)
    assert high == pytest.approx(height * factor, abs=2.01)


@given(st.floats(0.01, 240))
def test_frames_stay_evenly_spaced_at_15_to_30_a_second(fps: float) -> None:
    rate = preview_rate(fps)
    assert 14.99 <= rate <= 30.01
    whole = max(rate / fps, fps / rate)
    assert whole == pytest.approx(round(whole))


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(60, 30), (50, 25), (144, 28.8), (25, 25), (29.97, 29.97), (10, 30), (24, 24), (None, 30),
     (0, 30), (1000, 30), (90_000, 30)],
)  # fmt: skip
def test_usual_rates(fps: float | None, rate: float) -> None:
    assert preview_rate(fps) == pytest.approx(rate)


@given(st.floats(0, 1800))
def test_bits_a_second_fill_no_more_than_the_bound(duration: float) -> None:
    bits = most_bits(duration)
    assert bits >= 250_000
    # The buffer's fill comes on top.
    assert bits * (duration + 2) / 8 < MOST_BYTES


# The store


@pytest.fixture
def clip(ffmpeg: Make, tmp_path: Path) -> Path:
    return ffmpeg(tmp_path / "a.mp4", *clock(), *H264)


def previews_in(folder: Path) -> Previews:
    return Previews(FolderStore(folder), FileRecords(folder))


def file_of(folder: Path, clip_id: str) -> Path:
    """Where a clip's preview lies."""
    return folder / "previews" / clip_id[-2:] / f"{clip_id}.mp4"


def test_a_preview_is_missing_then_ready_then_forgotten(clip: Path, tmp_path: Path) -> None:
    store = previews_in(tmp_path / "data")
    assert store.state("12345") == "missing"
    assert store.watch("12345") is None
    store.write("12345", clip, Limits(), FFMPEG)
    assert store.state("12345") == "ready"
    preview = store.watch("12345")
    assert preview is not None
    assert preview.read() == (tmp_path / "data/previews/45/12345.mp4").read_bytes()
    store.forget("12345")
    store.forget("12345")
    assert store.state("12345") == "missing"
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_failure_for_good_is_remembered_until_forgotten(clip: Path, tmp_path: Path) -> None:
    store = previews_in(tmp_path)
    store.give_up("7")
    assert store.state("7") == "none"
    store.forget("7")
    assert store.state("7") == "missing"
    store.give_up("7")
    store.write("7", clip, Limits(), FFMPEG)
    assert store.state("7") == "ready"
    assert not list(tmp_path.rglob("*.failed"))


@pytest.mark.parametrize("clip_id", ["../12", "a/b", "", ".", "٣", "1\n"])
def test_an_id_cannot_lead_out_of_the_folder(tmp_path: Path, clip_id: str) -> None:
    store = previews_in(tmp_path)
    for use in (store.watch, store.state, store.give_up, store.forget):
        with pytest.raises(ValueError, match="clip id"):
            use(clip_id)


def put(folder: Path, clip_id: str, size: int, watched_ago: float) -> None:
    """A preview of a size (bytes), made ten days and watched some seconds ago."""
    previews_in(folder).give_up(clip_id)
    path = file_of(folder, clip_id)
    path.with_suffix(".failed").rename(path)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - watched_ago, time.time() - 10 * DAY))


def test_asking_for_a_preview_is_watching_it_and_changes_it_not(tmp_path: Path) -> None:
    store = previews_in(tmp_path)
    put(tmp_path, "1", 10, 9 * DAY)
    assert store.watch("1") is not None
    path = file_of(tmp_path, "1")
    assert path.stat().st_atime == pytest.approx(time.time(), abs=20)
    # The file age that browsers receive must not change while they play it.
    assert path.stat().st_mtime == pytest.approx(time.time() - 10 * DAY, abs=20)
    assert store.prune(8 * DAY, 100) == 0


def test_unwatched_previews_go_and_the_longest_unwatched_first(tmp_path: Path) -> None:
    store = previews_in(tmp_path)
    for number, days in enumerate((40, 5, 4, 3, 0)):
        put(tmp_path, f"1{number}", 100, days * DAY)
    store.give_up("99")
    assert store.prune(30 * DAY, 1000) == 1
    assert store.prune(30 * DAY, 250) == 2
    assert [store.state(f"1{n}") for n in range(5)] == ["missing"] * 3 + ["ready"] * 2
    assert store.state("99") == "none"
    assert store.prune(30 * DAY, 0) == 2
    assert previews_in(tmp_path / "nothing yet").prune(1, 1) == 0


def test_a_file_that_is_no_preview_of_ours_is_left_alone_and_stops_nothing(tmp_path: Path) -> None:
    """A copy that somebody made, or what another system leaves beside files."""
    store = previews_in(tmp_path)
    put(tmp_path, "12", 100, 40 * DAY)
    ours = file_of(tmp_path, "12")
    strays = [ours.with_name("._12.mp4"), ours.with_name("12 (1).mp4"), ours.with_name("345.mp4")]
    for stray in strays:
        stray.write_bytes(b"x" * 1000)
        os.utime(stray, (0, 0))
    assert store.prune(30 * DAY, 500) == 1
    assert store.state("12") == "missing"
    assert all(stray.exists() for stray in strays)


@given(
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 60)), max_size=6), st.integers(0, 300)
)
def test_what_is_kept_fits_and_was_watched_later_than_what_went(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, int]], most: int
) -> None:
    folder = tmp_path_factory.mktemp("previews")
    store = previews_in(folder)
    for number, (size, days) in enumerate(files):
        put(folder, str(number), size, days * DAY + number)
    store.prune(30 * DAY + 100, most)
    kept = {n for n in range(len(files)) if store.state(str(n)) == "ready"}
    assert sum(files[n][0] for n in kept) <= most
    ages = {n: files[n][1] * DAY + n for n in range(len(files))}
    assert all(ages[k] < ages[g] for k in kept for g in ages.keys() - kept)
    assert all(files[n][1] <= 30 for n in kept)
    # Nothing went without need.
    gone = [n for n in ages.keys() - kept if files[n][1] <= 30]
    if gone:
        first = min(gone, key=lambda n: ages[n])
        assert sum(files[n][0] for n in kept) + files[first][0] > most


def test_old_marks_and_what_killed_processes_left_go_too(tmp_path: Path) -> None:
    store = previews_in(tmp_path)
    store.give_up("17")
    (marker,) = tmp_path.rglob("*.failed")
    left, at_work = (marker.parent / f"{media.UNFINISHED}{n}" for n in "ab")
    for folder in (left, at_work):
        folder.mkdir()
        (folder / "preview.mp4").write_bytes(bytes(10))
    for path in (marker, left):
        os.utime(path, (time.time() - 40 * DAY,) * 2)
    assert ABANDONED_SECONDS < 40 * DAY
    assert store.prune(30 * DAY, 1000) == 0
    assert FolderStore(tmp_path).collect_garbage() == 1
    assert store.state("17") == "missing"
    assert (left.exists(), at_work.exists()) == (False, True)


# The job


def known(services: Services, jira: Site, *paths: Path, name: str | None = None) -> list[str]:
    """Clips attached to an issue that the catalogue knows; their ids."""
    key = jira.file("GAME", "s")
    issue_id = str(jira.issue(key)["id"])
    services.collections.active.catalogue.put_issue(IssueRecord(issue_id, key, "GAME", "GAME"))
    ids = [jira.attach(key, path, name) for path in paths]
    for clip_id, path in zip(ids, paths, strict=True):
        record = ClipRecord(clip_id, issue_id, name or path.name, path.stat().st_size)
        services.collections.active.catalogue.put_clip(record)
    return ids


def test_the_job_makes_a_preview_and_may_run_twice(
    cold_services: Services, jira: Site, clips: Path
) -> None:
    (clip_id,) = known(cold_services, jira, clips / "crafter-05.mp4")
    preview_clip(clip_id)
    path = file_of(cold_services.settings.data_dir, clip_id)
    made = path.stat()
    preview_clip(clip_id)
    assert path.stat().st_mtime_ns == made.st_mtime_ns
    assert path.stat().st_mode & 0o444 == 0o444  # the web may run as another user
    assert media.probe(path).duration == pytest.approx(6, abs=1)


def test_pictures_that_were_lost_are_made_again_with_the_preview(
    services: Services, jira: Site, clips: Path
) -> None:
    """The folder is no part of a backup: what is looked at comes back."""
    (clip_id,) = known(services, jira, clips / "crafter-05.mp4")
    jobs.index_clip(clip_id)
    times = services.media.thumbnails.times(clip_id)
    first = services.media.thumbnails.read(clip_id, times[0])
    services.media.thumbnails.forget(clip_id)
    preview_clip(clip_id)
    assert services.media.thumbnails.times(clip_id) == times
    again = services.media.thumbnails.read(clip_id, times[0])
    assert first is not None
    assert again is not None
    seen, made = (np.asarray(Image.open(io.BytesIO(each)), float) for each in (first, again))
    assert seen.shape == made.shape
    assert np.abs(seen - made).mean() < 6  # scaled by another way, and the same scene


def test_one_job_is_queued_before_all_others(
    cold_services: Services, jira: Site, clips: Path
) -> None:
    clip_id, other = known(cold_services, jira, clips / "crafter-05.mp4", clips / "crafter-07.mp4")
    queue = cold_services.queues.get("previews")
    queue.enqueue("time.time", job_id="long-waiting")
    cold_services.preview_maker.request(clip_id, awaited=True)
    cold_services.preview_maker.request(clip_id, awaited=True)
    assert queue.job_ids == [f"preview-{clip_id}", "long-waiting"]
    job = queue.fetch_job(f"preview-{clip_id}")
    assert job is not None
    assert (job.func_name, list(job.args)) == ("dejabug.previewing.preview_clip", [clip_id])
    cold_services.media.previews.give_up(other)
    cold_services.preview_maker.request(other, awaited=True)
    queue.empty()
    preview_clip(clip_id)
    cold_services.preview_maker.request(clip_id, awaited=True)
    assert queue.job_ids == []


def test_no_preview_is_queued_of_a_screenshot_or_of_the_unknown(
    cold_services: Services, jira: Site, clips: Path
) -> None:
    (clip_id,) = known(cold_services, jira, clips / "crafter-05.mp4")
    record = cold_services.collections.active.catalogue.clip(clip_id)
    assert record is not None
    picture = replace(record, status=ClipStatus.INDEXED, frames=1, duration=0.0)
    cold_services.collections.active.catalogue.put_clip(picture)
    for nothing in (clip_id, "404"):
        cold_services.preview_maker.request(nothing, awaited=True)
    assert cold_services.queues.get("previews").job_ids == []


def test_a_file_that_is_no_clip_is_tried_once(
    cold_services: Services, jira: Site, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no clip at all, whatever its name says")
    (clip_id,) = known(cold_services, jira, tmp_path / "a.mp4")
    preview_clip(clip_id)
    assert cold_services.media.previews.state(clip_id) == "none"


def test_an_attachment_that_is_gone_or_too_large_is_tried_once(
    cold_services: Services, jira: Site, clips: Path
) -> None:
    gone, large = known(cold_services, jira, clips / "crafter-05.mp4", clips / "crafter-07.mp4")
    jira.call("DELETE", f"/rest/api/2/attachment/{gone}", "admin")
    preview_clip(gone)
    small = cold_services.settings.model_copy(update={"clip_max_bytes": 1000})
    set_services(Services(small))
    preview_clip(large)
    assert [cold_services.media.previews.state(clip_id) for clip_id in (gone, large)] == [
        "none",
        "none",
    ]


def test_jira_away_is_no_fault_of_the_clip(
    cold_services: Services, jira: Site, clips: Path
) -> None:
    (clip_id,) = known(cold_services, jira, clips / "crafter-05.mp4")
    jira.fail(path="/rest/api/", status=500)
    with pytest.raises(JiraUnavailableError):
        preview_clip(clip_id)
    jira.fail(path="/rest/api/", status=429, headers={"Retry-After": "37"})
    answer = preview_clip(clip_id)
    assert answer.intervals == [37]  # type: ignore[attr-defined]
    assert cold_services.media.previews.state(clip_id) == "missing"


def test_a_clip_that_is_forgotten_meanwhile_leaves_nothing(
    cold_services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_id, early = known(cold_services, jira, clips / "crafter-05.mp4", clips / "crafter-07.mp4")
    record = cold_services.collections.active.catalogue.clip(clip_id)
    assert record is not None
    make: Callable[..., None] = media.make_preview

    def make_and_lose(*arguments: object, **options: object) -> None:
        make(*arguments, **options)
        cold_services.collections.active.catalogue.forget_clip(record)

    monkeypatch.setattr(media, "make_preview", make_and_lose)
    preview_clip(clip_id)
    for gone in (clip_id, early):
        if gone == early:
            forgotten = cold_services.collections.active.catalogue.clip(early)
            assert forgotten is not None
            cold_services.collections.active.catalogue.forget_clip(forgotten)
            preview_clip(early)
        assert cold_services.media.previews.state(gone) == "missing"


def test_a_clip_that_is_forgotten_before_its_worker_is_killed_leaves_nothing(
    cold_services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip_id,) = known(cold_services, jira, clips / "crafter-05.mp4")
    clip = cold_services.collections.active.catalogue.clip(clip_id)
    assert clip is not None
    issue_id, write = clip.issue_id, Previews.write

    def lose_write_and_die(*arguments: Any) -> None:
        cold_services.deletion.forget_clip(clip_id, issue_id)
        write(*arguments)
        raise KilledError

    monkeypatch.setattr(Previews, "write", lose_write_and_die)
    with pytest.raises(KilledError):
        preview_clip(clip_id)
    preview_clip(clip_id)
    assert cold_services.media.previews.state(clip_id) == "missing"


def test_secrets_of_the_download_stay_out_of_logs(
    cold_services: Services, jira: Site, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("text")
    (clip_id,) = known(cold_services, jira, clips / "crafter-05.mp4", name="unreleased-boss.mp4")
    preview_clip(clip_id)
    said = "".join(capsys.readouterr())
    assert "preview_done" in said
    assert TOKEN not in said
    assert "unreleased" not in said

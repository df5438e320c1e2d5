"""Every recorder's files are read as a player shows them: times, frames, colours, size, length.

The clips are made with the recorders' parameters (tests/support/recorders.py), not by the devices.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dejabug import media
from dejabug.media import Frames
from support.ffmpegs import DEBIAN, PACKAGED, ffmpeg_called
from support.numbered_pictures import PATCHES, drawn, read_number, read_patches
from support.recorders import RECORDERS, RECORDINGS, markdown
from support.recordings import HDR_BOUND, SDR_BOUND, Recording
from support.repository import ROOT

# Frames a second that are sampled, and their shorter side.
RATE, SHORT_SIDE = 2.0, 224
PAGE = ROOT / "docs" / "reference" / "recorders.md"

Sampled = Callable[[str], Frames]


@pytest.fixture(scope="module", params=[PACKAGED, pytest.param(DEBIAN, marks=pytest.mark.slow)])
def program(request: pytest.FixtureRequest) -> str:
    """The ffmpegs that read the clips; the oldest one in `make test-slow`, since test_decoding.py,
    test_sampling.py and test_odd_files.py read clips with both each time."""
    return ffmpeg_called(request.param)


@pytest.fixture(scope="module")
def sampled(program: str, recorded: Callable[[str], Path]) -> Sampled:
    """A clip's frames by its name, sampled once for all tests."""
    found: dict[str, Frames | media.ClipError] = {}

    def sample(name: str) -> Frames:
        if name not in found:
            try:
                found[name] = media.sample_frames(
                    recorded(name),
                    program=program,
                    rate=RATE,
                    short_side=SHORT_SIDE,
                    drop_duplicates=False,
                )
            except media.ClipError as error:
                found[name] = error
        frames = found[name]
        if isinstance(frames, media.ClipError):
            raise frames
        return frames

    return sample


@pytest.fixture(params=RECORDINGS)
def recording(request: pytest.FixtureRequest) -> Recording:
    """Every clip of the table."""
    return RECORDINGS[request.param]


def test_each_frame_is_the_picture_on_screen_at_its_time(
    recording: Recording, sampled: Sampled
) -> None:
    frames = sampled(recording.name)
    shown = [read_number(picture) for picture in frames.pixels]
    wrong = {
        round(float(time), 3): number
        for time, number in zip(frames.times, shown, strict=True)
        if number not in recording.may_show(float(time))
    }
    assert wrong == {}, "None: two pictures are mixed"


def test_the_frames_cover_the_whole_clip(recording: Recording, sampled: Sampled) -> None:
    times = sampled(recording.name).times
    assert times[0] == 0
    step = max(1 / RATE, recording.seconds / 120)
    # Of a long clip keyframes will do, which come every four seconds at the latest.
    longest = step if step < 2 else step + 4
    gaps = np.diff([*times, recording.seconds])
    assert gaps.max() <= longest + 0.01
    assert len(times) >= int(recording.seconds / longest)


def test_a_clip_is_as_long_as_it_plays_and_not_cut_off(
    recording: Recording, sampled: Sampled
) -> None:
    frames = sampled(recording.name)
    assert frames.duration == pytest.approx(recording.seconds, abs=0.1)
    assert not frames.truncated


def test_the_colours_are_those_that_were_drawn(recording: Recording, sampled: Sampled) -> None:
    for picture in sampled(recording.name).pixels:
        found = read_patches(picture)
        off = np.abs(found - np.array(PATCHES)).max()
        assert off <= recording.bound, f"{off:.0f} of 255 off: {found.round().tolist()}"


def test_a_frame_has_the_shape_that_a_player_shows(recording: Recording, sampled: Sampled) -> None:
    width, height = recording.size
    factor = SHORT_SIDE / min(width, height)
    _, high, wide, _ = sampled(recording.name).pixels.shape
    assert (wide, high) == pytest.approx((width * factor, height * factor), abs=1)


# One of each kind: HDR, turned, interlaced, stretched, untagged, of full range, a GIF's pace.
PREVIEWED = (
    "nvidia-app-hdr10",
    "iphone-hlg-upright",
    "android-screen-601",
    "capture-1080i",
    "capture-480i",
    "snipping-tool",
    "mac-full-range",
    "gif-10ms",
)


@pytest.mark.parametrize("name", PREVIEWED)
def test_a_preview_shows_what_the_frames_show(
    name: str, program: str, sampled: Sampled, recorded: Callable[[str], Path], tmp_path: Path
) -> None:
    media.make_preview(recorded(name), tmp_path / "preview.mp4", program=program)
    preview = media.sample_frames(tmp_path / "preview.mp4", rate=RATE, drop_duplicates=False)
    frames, recording = sampled(name), RECORDINGS[name]
    assert preview.duration == pytest.approx(frames.duration, abs=0.1)
    assert preview.pixels.shape[1:3] == pytest.approx(frames.pixels.shape[1:3], abs=2)
    for time, shown, picture in zip(frames.times, preview.pixels, frames.pixels, strict=False):
        # A preview's own pictures are a thirtieth of a second apart at most.
        before = recording.may_show(max(0.0, float(time) - 1 / 30))
        assert read_number(shown) in recording.may_show(float(time)) | before
        # H.264 at a preview's quality changes colours a little.
        assert np.abs(read_patches(shown) - read_patches(picture)).max() <= 8


@pytest.mark.parametrize("number", [0, 1, 0b101010101010, 4095])
def test_a_number_is_read_off_the_picture_that_was_drawn_with_it(number: int) -> None:
    picture = drawn(number).repeat(9, axis=0).repeat(9, axis=1)
    assert read_number(picture) == number
    assert np.abs(read_patches(picture) - np.array(PATCHES)).max() == 0


def test_two_pictures_mixed_by_lines_or_by_half_have_no_number() -> None:
    one, other = (drawn(n).repeat(9, axis=0).repeat(9, axis=1) for n in (5, 6))
    combed = one.copy()
    combed[::2] = other[::2]
    assert read_number(combed) is None
    assert read_number((one // 2 + other // 2).astype(np.uint8)) is None


def test_the_page_on_recorders_shows_the_table_of_these_tests() -> None:
    page = PAGE.read_text("utf-8")
    again = "make it again: cd tests && python -m support.recorders --markdown"
    assert markdown() in page, again
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert len([row for row in rows if row in markdown()]) == len(RECORDERS)
    bounds = f"colours to {SDR_BOUND:g} of 255, in HDR to {HDR_BOUND:g}"
    assert bounds in " ".join(page.split())


def test_every_recorder_names_a_source_or_says_that_it_is_assumed() -> None:
    for recorder in RECORDERS:
        assert recorder.sources or recorder.assumed, recorder.name
    names = [clip.name for recorder in RECORDERS for clip in recorder.clips]
    assert len(names) == len(set(names)), "two clips have one name"

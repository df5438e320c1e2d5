"""The contact sheet: all frames in one image of a bounded size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont

from dejabug.media_store.comparison_image import GAP
from dejabug.media_store.contact_sheet import (
    CAPTION,
    HIGHEST_GRID,
    MOST_TILES,
    WIDEST,
    Tile,
    beside_words,
    clock,
    contact_sheet,
    drawable,
    grid,
    left_out_after,
)

# Pixels: a frame's caption needs so much room.
NARROWEST_TILE = 42


def tiles(count: int, size: tuple[int, int] = (398, 224)) -> list[Tile]:
    return [Tile(Image.new("RGB", size, (200, 30, 30)), n / 2) for n in range(count)]


def redness(sheet: Image.Image) -> float:
    """The share of the sheet that is the frames' red."""
    away = np.abs(np.asarray(sheet).astype(int) - (200, 30, 30)).max(axis=2)
    return float((away < 8).mean())


@given(st.integers(1, MOST_TILES), st.floats(1 / 3, 3.0))
def test_any_number_of_frames_of_any_shape_fits_and_stays_recognisable(
    count: int, aspect: float
) -> None:
    columns, width, height = grid(count, aspect)
    rows = -(-count // columns)
    assert GAP + columns * (width + GAP) <= WIDEST
    assert rows == 1 or rows * (height + CAPTION + GAP) <= HIGHEST_GRID
    assert width >= NARROWEST_TILE
    assert width / height == pytest.approx(aspect, rel=0.05)


@pytest.mark.parametrize("count", [1, 2, 16, 120, 1000])
@pytest.mark.parametrize("size", [(398, 224), (224, 484), (672, 224), (224, 2000)])
def test_a_sheet_is_mostly_frames_and_never_huge(count: int, size: tuple[int, int]) -> None:
    sheet = contact_sheet("a.mp4", ["8 s"], tiles(count, size))
    assert sheet.width <= WIDEST
    assert sheet.height <= 1500
    assert redness(sheet) > (0.4 if count >= 16 and size[1] < 2000 else 0.05)


def test_the_head_grows_with_its_words_and_stops_growing() -> None:
    short = contact_sheet("a.mp4", ["8 s"], tiles(16))
    long = contact_sheet("x" * 400 + ".mp4", ["a note " * 80], tiles(16))
    endless = contact_sheet("x" * 9000, ["a note " * 9000] * 40, tiles(16))
    assert short.width == long.width == endless.width
    assert short.height < long.height < endless.height < short.height + 300


def test_a_name_is_drawn_in_signs_that_the_font_has() -> None:
    font = ImageFont.load_default(14)
    assert drawable("Übergröße — 日本 é.mp4", font) == "Ubergro?e - ?? e.mp4"
    assert drawable("\x1b[31m\u202e.mp4", font) == "[31m.mp4"
    assert drawable("plain name (2).mp4", font) == "plain name (2).mp4"


def test_samples_that_were_left_out_count_for_the_frame_before_them() -> None:
    sampled = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert left_out_after([1.0, 2.0], sampled) == [1, 1]
    assert left_out_after(sampled, sampled) == [0] * 6
    assert beside_words(0, duplicates=3, blank=3) == ""
    assert beside_words(3, duplicates=3, blank=0) == "3 similar"
    assert beside_words(3, duplicates=0, blank=4) == "3 blank"
    assert beside_words(3, duplicates=1, blank=4) == "3 skipped"


def test_times_read_as_on_a_player() -> None:
    assert [clock(t) for t in (0, 3.5, 59.96, 62, 3723)] == [
        "0:00", "0:03.5", "1:00", "1:02", "1:02:03",
    ]  # fmt: skip

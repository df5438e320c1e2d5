"""Pictures of frames, kept and put side by side."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dejabug.pictures import GAP, HEIGHT, Panel, PictureStore, strip


def frames(*levels: int, size: tuple[int, int] = (90, 160)) -> np.ndarray:
    return np.stack([np.full((*size, 3), level, np.uint8) for level in levels])


def open_picture(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def test_each_frame_s_picture_is_found_by_its_time(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    store.write("12", [0.0, 0.5, 61.25], frames(10, 100, 200))
    for time, level in ((0.0, 10), (0.5, 100), (61.25, 200)):
        assert np.asarray(open_picture(store.read("12", time))).mean() == pytest.approx(
            level, abs=2
        )
    assert store.read("12", 1.0) is None
    assert store.read("13", 0.0) is None


def test_writing_again_leaves_no_old_picture_and_forgetting_none(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    store.write("12", [0.0, 0.5], frames(10, 20))
    store.write("12", [1.0], frames(30))
    assert store.read("12", 0.0) is None
    store.forget("12")
    store.forget("12")
    assert store.read("12", 1.0) is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("clip_id", ["../12", "a/b", "", "."])
def test_an_id_cannot_lead_out_of_the_folder(tmp_path: Path, clip_id: str) -> None:
    with pytest.raises(ValueError, match="clip id"):
        PictureStore(tmp_path).read(clip_id, 0.0)


def test_a_strip_shows_its_panels_side_by_side_at_one_height(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    store.write("1", [0.0], frames(250, size=(270, 480)))
    store.write("2", [0.0], frames(120, size=(480, 270)))
    pictures = [store.read(clip, 0.0) or b"" for clip in "12"]
    captions = ("this ticket, 0:01", "GAME-12, 0:04.5, and a very long caption to be cut")
    row = [Panel(p, c) for p, c in zip(pictures, captions, strict=True)]
    image = open_picture(strip([row]))
    pixels = np.asarray(image.convert("L")).astype(int)
    middle = pixels[pixels.shape[0] // 2 + 8]
    assert middle[GAP + 20] == pytest.approx(250, abs=3)
    assert middle[-GAP - 20] == pytest.approx(120, abs=3)
    assert image.width == pytest.approx(3 * GAP + HEIGHT * 480 / 270 + HEIGHT * 270 / 480, abs=4)


def test_in_two_rows_each_moment_stands_below_its_own(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    store.write("1", [0.0, 1.0], frames(250, 60, size=(270, 480)))
    bright, dark = (Panel(store.read("1", time) or b"", "x") for time in (0.0, 1.0))
    pixels = np.asarray(open_picture(strip([[bright, dark], [dark, bright]])).convert("L"))
    height, width = pixels.shape
    quarters = [int(pixels[y, x]) for y in (height // 4, 3 * height // 4) for x in (40, width - 40)]
    assert quarters == pytest.approx([250, 60, 60, 250], abs=4)

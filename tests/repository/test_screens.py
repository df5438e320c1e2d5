"""`make screens` and `make film`: what they put together from screenshots."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tools.screens.cut import Cut
from tools.screens.shots import BEFORE, SHOTS

SIZE = (120, 90)


@pytest.fixture
def cut() -> Cut:
    """A film with two captions."""
    return Cut([Image.new("RGB", (SIZE[0], 20), colour) for colour in ("black", "navy")])


def test_a_film_shows_each_picture_for_its_time_above_its_caption(cut: Cut, tmp_path: Path) -> None:
    cut.add(Image.new("RGB", SIZE, "red"), 0, 500, (60, 40))
    cut.add(Image.new("RGB", SIZE, "green"), 1, 250, (60, 40))
    cut.add(Image.new("RGB", SIZE, "green"), 1, 250, (60, 40))  # nothing has changed
    cut.write(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.size == (SIZE[0], SIZE[1] + 20)
        shown = []
        for number in range(film.n_frames):
            film.seek(number)
            pixels = film.convert("RGB")
            shown.append(
                (pixels.getpixel((5, 5)), pixels.getpixel((5, 100)), film.info["duration"])
            )
    assert cut.seconds() == 1.0
    assert shown[0] == ((255, 0, 0), (0, 0, 0), 500)
    assert shown[1][:2] == ((0, 128, 0), (0, 0, 128))
    assert film.info["loop"] == 0


def test_the_pointer_is_seen_where_it_is(cut: Cut, tmp_path: Path) -> None:
    cut.add(Image.new("RGB", SIZE, "white"), 0, 100, (60, 40))
    cut.write(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        pixels = film.convert("L")
    assert pixels.getpixel((62, 48)) < 80
    assert pixels.getpixel((30, 40)) > 240


def test_each_picture_has_a_name_of_its_own() -> None:
    names = [shot.name for shot in [*BEFORE, *SHOTS]]
    assert len(set(names)) == len(names)

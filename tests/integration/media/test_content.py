"""Which frames show something. The frames are synthetic, in the form that a decoder gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from dejabug import media
from dejabug.media.content import with_content
from support.made_clips import H264, Make

Picture = npt.NDArray[np.uint8]
SIZE = (216, 384, 3)
RNG = np.random.default_rng(7)


def flat(*colour: int) -> Picture:
    return np.full(SIZE, colour, np.uint8)


def scene(contrast: float = 1.0) -> Picture:
    """A picture of large and small things, as a game shows; of less contrast in a fade."""
    coarse = RNG.integers(0, 255, (9, 16, 3)).repeat(24, 0).repeat(24, 1)
    return (coarse * contrast).astype(np.uint8)


def noisy(picture: Picture, levels: int) -> Picture:
    noise = RNG.integers(-levels, levels + 1, SIZE)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def with_sprites(count: int) -> Picture:
    """Black with a few bright squares of 6 x 6 pixels, as an old arcade game shows."""
    picture = flat(0, 0, 0)
    for number in range(count):
        y, x = 20 + number * 30 % 180, 30 + number * 70 % 340
        picture[y : y + 6, x : x + 6] = (230, 180, 40)
    return picture


def spinner() -> Picture:
    """A loading screen: a word and a wheel in the corner of one colour."""
    picture = flat(12, 12, 18)
    picture[190:200, 320:372] = 200
    return picture


def barred(picture: Picture, bar: int = 27) -> Picture:
    """A picture between black bars above and below."""
    picture = picture.copy()
    picture[:bar] = picture[-bar:] = 0
    return picture


def thin_lines() -> Picture:
    """A vector game: a ship and a rock, drawn in lines of one pixel."""
    image = Image.new("RGB", SIZE[1::-1])
    draw = ImageDraw.Draw(image)
    draw.polygon([(200, 100), (196, 110), (204, 110)], outline="white")
    draw.ellipse([60, 40, 74, 54], outline=(180, 180, 180))
    return np.asarray(image)


def far_away() -> Picture:
    """A plane in an empty sky."""
    picture = flat(120, 170, 230)
    picture[104:108, 160:186] = (90, 90, 100)
    return picture


def halves() -> Picture:
    """An empty sky above an empty plain."""
    picture = flat(150, 190, 240)
    picture[100:] = (60, 120, 50)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        flat(0, 0, 0),
        flat(255, 255, 255),
        flat(0, 0, 255),
        noisy(flat(16, 16, 16), 4),
        noisy(flat(40, 90, 20), 6),
        noisy(flat(40, 40, 40), 11),
        scene(0.03),
        barred(flat(235, 235, 235)),
        barred(flat(16, 16, 16)),
        barred(noisy(flat(0, 0, 180), 4)),
        barred(scene(0.03)),
        np.ascontiguousarray(barred(flat(0, 120, 0)).transpose(1, 0, 2)),
    ],
    ids=[
        "black", "white", "blue", "black with noise", "green with noise", "grey with more noise",
        "end of a fade", "white between bars", "black between blacker bars", "blue between bars",
        "end of a fade between bars", "green beside bars",
    ],
)  # fmt: skip
def test_one_colour_is_no_content_with_a_codecs_noise_or_without(picture: Picture) -> None:
    other = scene() if picture.shape == SIZE else scene().transpose(1, 0, 2)
    assert with_content(np.stack([picture, other])).tolist() == [False, True]
    assert with_content(picture[None]).tolist() == [False]


@pytest.mark.parametrize("sprites", [6, 20])
def test_a_sparse_arcade_game_has_content_in_all_of_its_frames(sprites: int) -> None:
    frames = np.stack([with_sprites(sprites + number % 3) for number in range(5)])
    assert with_content(frames).all()


@pytest.mark.parametrize("picture", [thin_lines(), far_away(), halves(), barred(thin_lines())])
def test_a_picture_in_which_little_stands_out_has_content(picture: Picture) -> None:
    assert with_content(picture[None]).tolist() == [True]


def test_a_mouse_pointer_on_black_is_no_content() -> None:
    picture = flat(0, 0, 0)
    picture[50:54, 90:93] = 255
    assert with_content(picture[None]).tolist() == [False]


def test_a_loading_screen_between_rich_scenes_has_none() -> None:
    frames = np.stack([scene(), scene(), spinner(), scene()])
    assert with_content(frames).tolist() == [True, True, False, True]


def test_a_clip_of_a_loading_screen_alone_is_kept() -> None:
    """The bug may be that it never ends."""
    assert with_content(np.stack([spinner()] * 3)).all()


def test_a_dark_scene_has_content_beside_bright_ones() -> None:
    assert with_content(np.stack([scene(), scene(), scene(0.2)])).all()


def test_blank_frames_are_left_out_and_told(ffmpeg: Make, tmp_path: Path) -> None:
    parts = (
        "testsrc2=size=160x120:rate=10:duration=2[a];color=black:size=160x120:rate=10:duration=3"
    )
    clip = ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", f"{parts}[b];[b][a]concat", "-c:v", "libx264"
    )
    frames = media.sample_frames(clip)
    assert frames.times.tolist() == [3.0, 3.5, 4.0, 4.5]
    assert frames.sampled_times.tolist() == [n / 2 for n in range(10)]
    assert (frames.blank, frames.dropped) == (6, 0)
    assert frames.notes() == ["6 of 10 frames are black or a single colour and were skipped"]
    everything = media.sample_frames(clip, drop_duplicates=False)
    assert len(everything.times) == 10
    assert everything.notes() == []


def test_a_clip_with_nothing_else_ends_with_that_reason(ffmpeg: Make, tmp_path: Path) -> None:
    black = ["-f", "lavfi", "-i", "color=black:size=160x120:rate=10:duration=2"]
    clip = ffmpeg(tmp_path / "a.mp4", *black, *H264)
    with pytest.raises(media.ClipError, match="black or a single colour") as caught:
        media.sample_frames(clip)
    assert caught.value.code == "blank"


def test_a_screenshot_of_one_colour_ends_with_that_reason(tmp_path: Path) -> None:
    Image.new("RGB", (320, 200), (0, 0, 170)).save(tmp_path / "a.png")
    with pytest.raises(media.ClipError) as caught:
        media.sample_frames(tmp_path / "a.png")
    assert caught.value.code == "blank"

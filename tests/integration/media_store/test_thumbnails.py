"""Thumbnails of frames, stored and combined."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import redis
from PIL import Image

from dejabug.media_store.archives import ThumbnailArchives
from dejabug.media_store.comparison_image import GAP, Panel, draw_comparison
from dejabug.media_store.objects import ObjectStore, StoreAwayError
from dejabug.media_store.thumbnail_folders import ThumbnailFolders
from dejabug.media_store.thumbnails import HEIGHT, Thumbnails
from support.object_store import Bucket


def frames(*levels: int, size: tuple[int, int] = (90, 160)) -> np.ndarray:
    return np.stack([np.full((*size, 3), level, np.uint8) for level in levels])


def open_picture(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def in_folder(folder: Path) -> Thumbnails:
    return Thumbnails(ThumbnailFolders(folder))


def in_bucket(bucket: Bucket, store: redis.Redis) -> Thumbnails:
    return Thumbnails(ThumbnailArchives(ObjectStore(bucket.address, store), store))


@pytest.fixture(params=["folder", "s3"])
def thumbnails(request: pytest.FixtureRequest, tmp_path: Path) -> Thumbnails:
    """Both ways of keeping them."""
    if request.param == "folder":
        return in_folder(tmp_path / "kept")
    return in_bucket(request.getfixturevalue("bucket"), request.getfixturevalue("store"))


def level(data: bytes | None) -> float:
    return float(np.asarray(open_picture(data)).mean())


def test_each_frame_s_picture_is_found_by_its_time(thumbnails: Thumbnails) -> None:
    thumbnails.write("12", [0.0, 0.5, 61.25], frames(10, 100, 200))
    for time, grey in ((0.0, 10), (0.5, 100), (61.25, 200)):
        assert level(thumbnails.read("12", time)) == pytest.approx(grey, abs=2)
    assert thumbnails.times("12") == [0.0, 0.5, 61.25]
    assert thumbnails.read("12", 1.0) is None
    assert thumbnails.read("13", 0.0) is None
    assert thumbnails.times("13") == []


def test_all_pictures_of_a_clip_are_read_at_once_in_order(thumbnails: Thumbnails) -> None:
    thumbnails.write("12", [0.0, 0.5, 61.25], frames(10, 100, 200))
    found = thumbnails.every("12")
    assert [time for time, _ in found] == [0.0, 0.5, 61.25]
    assert [data for _, data in found] == [thumbnails.read("12", time) for time, _ in found]
    assert thumbnails.every("13") == []


def test_writing_again_leaves_no_old_picture_and_forgetting_none(thumbnails: Thumbnails) -> None:
    thumbnails.write("12", [0.0, 0.5], frames(10, 20))
    thumbnails.write("12", [1.0], frames(30))
    assert thumbnails.read("12", 0.0) is None
    assert thumbnails.times("12") == [1.0]
    thumbnails.forget("12")
    thumbnails.forget("12")
    assert thumbnails.read("12", 1.0) is None
    assert thumbnails.times("12") == []


def test_another_encoder_s_pictures_come_beside_and_a_twin_gets_the_same(
    thumbnails: Thumbnails,
) -> None:
    thumbnails.write("12", [0.0], frames(10))
    thumbnails.write("12", [0.5], frames(100), beside=True)
    thumbnails.copy("12", "34")
    thumbnails.copy("nobody", "56")
    thumbnails.forget("12")
    assert thumbnails.times("34") == [0.0, 0.5]
    assert level(thumbnails.read("34", 0.5)) == pytest.approx(100, abs=2)
    assert thumbnails.times("56") == []


def test_forgotten_pictures_leave_no_file(tmp_path: Path) -> None:
    store = in_folder(tmp_path)
    store.write("12", [0.0], frames(10))
    store.forget("12")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_forgotten_pictures_leave_no_object_and_nothing_in_redis(
    store: redis.Redis, bucket: Bucket
) -> None:
    thumbnails = in_bucket(bucket, store)
    thumbnails.write("12", [0.0], frames(10))
    assert bucket.names() == ["pictures/12/12.zip"]
    thumbnails.forget("12")
    assert bucket.names() == []
    assert store.keys("*") == []


def test_a_clip_s_thumbnails_are_an_archive_that_any_program_reads(
    store: redis.Redis, bucket: Bucket
) -> None:
    objects = ObjectStore(bucket.address, store)
    in_bucket(bucket, store).write("12", [0.0, 1.5], frames(10, 200))
    with zipfile.ZipFile(io.BytesIO(objects.read("pictures/12/12.zip") or b"")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["00000000.jpg", "00001500.jpg"]
        assert level(archive.read("00001500.jpg")) == pytest.approx(200, abs=2)


def test_what_redis_lost_or_remembers_wrongly_is_looked_up_in_the_archive(
    store: redis.Redis, bucket: Bucket
) -> None:
    thumbnails = in_bucket(bucket, store)
    thumbnails.write("12", [0.0, 1.5], frames(10, 200))
    (key,) = store.keys("*")
    store.delete(key)
    assert thumbnails.times("12") == [0.0, 1.5]
    assert level(thumbnails.read("12", 1.5)) == pytest.approx(200, abs=2)
    old = store.get(key)
    for fresh in (frames(240, 120), frames(*range(0, 250, 10))):
        # As if the worker had died between writing the archive and telling Redis.
        thumbnails.write("12", [n * 1.5 for n in range(len(fresh))], fresh)
        store.set(key, old or b"")
        assert level(thumbnails.read("12", 1.5)) == pytest.approx(int(fresh[1, 0, 0, 0]), abs=2)
        assert thumbnails.times("12") == [n * 1.5 for n in range(len(fresh))]
    thumbnails.write("12", [0.0], frames(30))
    store.set(key, "[[0, 90000, 99000, 1]]")  # beyond the end
    assert level(thumbnails.read("12", 0.0)) == pytest.approx(30, abs=2)


def test_while_the_store_is_away_known_times_are_told_and_pictures_are_not_denied(
    store: redis.Redis, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = in_bucket(bucket, store)
    here = in_bucket(bucket, store)
    here.write("12", [1.5], frames(10))
    assert here.read("12", 1.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert away.times("12") == [1.5]
    assert away.times("34") == []
    with pytest.raises(StoreAwayError):
        away.read("12", 1.5)
    with pytest.raises(StoreAwayError):
        away.write("34", [0.0], frames(10))
    assert here.times("34") == []


@pytest.mark.parametrize("clip_id", ["../12", "a/b", "", "."])
def test_an_id_cannot_lead_out_of_the_folder(thumbnails: Thumbnails, clip_id: str) -> None:
    with pytest.raises(ValueError, match="clip id"):
        thumbnails.read(clip_id, 0.0)


def test_a_comparison_shows_its_panels_side_by_side_at_one_height(tmp_path: Path) -> None:
    store = in_folder(tmp_path)
    store.write("1", [0.0], frames(250, size=(270, 480)))
    store.write("2", [0.0], frames(120, size=(480, 270)))
    pictures = [store.read(clip, 0.0) or b"" for clip in "12"]
    captions = ("this ticket, 0:01", "GAME-12, 0:04.5, and a very long caption to be cut")
    row = [Panel(p, c) for p, c in zip(pictures, captions, strict=True)]
    image = open_picture(draw_comparison([row]))
    pixels = np.asarray(image.convert("L")).astype(int)
    middle = pixels[pixels.shape[0] // 2 + 8]
    assert middle[GAP + 20] == pytest.approx(250, abs=3)
    assert middle[-GAP - 20] == pytest.approx(120, abs=3)
    assert image.width == pytest.approx(3 * GAP + HEIGHT * 480 / 270 + HEIGHT * 270 / 480, abs=4)


def test_in_two_rows_each_moment_stands_below_its_own(tmp_path: Path) -> None:
    store = in_folder(tmp_path)
    store.write("1", [0.0, 1.0], frames(250, 60, size=(270, 480)))
    bright, dark = (Panel(store.read("1", time) or b"", "x") for time in (0.0, 1.0))
    pixels = np.asarray(
        open_picture(draw_comparison([[bright, dark], [dark, bright]])).convert("L")
    )
    height, width = pixels.shape
    quarters = [int(pixels[y, x]) for y in (height // 4, 3 * height // 4) for x in (40, width - 40)]
    assert quarters == pytest.approx([250, 60, 60, 250], abs=4)

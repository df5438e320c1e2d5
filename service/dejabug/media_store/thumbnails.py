"""Pictures of frames: kept while their clip is, and put side by side for a comment."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from dejabug.records.types import checked_clip_id

HEIGHT = 180  # pixels; enough to recognise a scene, about 7 kB a frame
JPEG_QUALITY = 80
# The strip's look: dark enough for both of Jira's themes.
GAP = 8
CAPTION = 26
BACKGROUND = (29, 33, 37)
INK = (222, 228, 234)
ACCENT = (87, 157, 255)
# A panel keeps this many times its height at most, so that a panorama does not crowd out the rest.
WIDEST = 2.0


@dataclass(frozen=True)
class Panel:
    """One picture of a strip, with what stands above it."""

    picture: bytes
    caption: str
    accent: bool = False


class Pictures(Protocol):
    """Small JPEG pictures of frames: in a folder (PictureStore), or as objects (PicturePacks, whose
    methods raise StoreAwayError, but for `times` and `forget`)."""

    def write(
        self,
        clip_id: str,
        times: Sequence[float],
        pixels: Iterable[npt.NDArray[np.uint8]],
        *,
        beside: bool = False,
    ) -> None:
        """Keep one picture per frame, instead of whatever the clip had before, or `beside` it."""

    def read(self, clip_id: str, time: float) -> bytes | None:
        """The JPEG of the frame at this time (seconds), or None when there is none."""

    def every(self, clip_id: str) -> list[tuple[float, bytes]]:
        """All of a clip's pictures with their times (seconds), in order, read at once."""

    def copy(self, clip_id: str, to: str) -> None:
        """Give a clip of the same file the same pictures."""

    def times(self, clip_id: str) -> list[float]:
        """The times (seconds) of a clip's pictures, in order."""

    def forget(self, clip_id: str) -> None:
        """Take a clip's pictures away."""


class PictureStore:
    """JPEG pictures of frames in a folder that all workers of an installation share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(
        self,
        clip_id: str,
        times: Sequence[float],
        pixels: Iterable[npt.NDArray[np.uint8]],
        *,
        beside: bool = False,
    ) -> None:
        """As `Pictures.write`."""
        with self._replaced(clip_id) as fresh:
            if beside and self._of(clip_id).exists():
                shutil.copytree(self._of(clip_id), fresh, dirs_exist_ok=True)
            for time, frame in zip(times, pixels, strict=True):
                (fresh / picture_name(time)).write_bytes(small_jpeg(frame))

    def read(self, clip_id: str, time: float) -> bytes | None:
        """As `Pictures.read`."""
        path = self._of(clip_id) / picture_name(time)
        return path.read_bytes() if path.exists() else None

    def every(self, clip_id: str) -> list[tuple[float, bytes]]:
        """As `Pictures.every`."""
        found = []
        for path in self.files(clip_id):
            with contextlib.suppress(FileNotFoundError):  # forgotten since a moment ago
                found.append((time_of(path.name), path.read_bytes()))
        return found

    def copy(self, clip_id: str, to: str) -> None:
        """As `Pictures.copy`."""
        if self._of(clip_id).exists():
            with self._replaced(to) as fresh:
                shutil.copytree(self._of(clip_id), fresh, dirs_exist_ok=True)

    def times(self, clip_id: str) -> list[float]:
        """As `Pictures.times`."""
        return [time_of(path.name) for path in self.files(clip_id)]

    def files(self, clip_id: str) -> list[Path]:
        """The files of a clip's pictures, in order."""
        return sorted(self._of(clip_id).glob("*.jpg"))

    def forget(self, clip_id: str) -> None:
        """As `Pictures.forget`."""
        shutil.rmtree(self._of(clip_id), ignore_errors=True)
        shutil.rmtree(self._unfinished(clip_id), ignore_errors=True)

    @contextlib.contextmanager
    def _replaced(self, clip_id: str) -> Iterator[Path]:
        """An empty folder that becomes the clip's, whole or not at all."""
        folder, fresh = self._of(clip_id), self._unfinished(clip_id)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)

    def _unfinished(self, clip_id: str) -> Path:
        folder = self._of(clip_id)
        return folder.with_name(folder.name + ".new")

    def _of(self, clip_id: str) -> Path:
        return self._folder / "pictures" / checked_clip_id(clip_id)[-2:] / clip_id


def strip(rows: Sequence[Sequence[Panel]]) -> bytes:
    """Pictures side by side at one height, each under its caption, in one or more rows → a PNG.

    In several rows, the n-th pictures stand below each other.
    """
    images = [[_panel_image(panel.picture) for panel in row] for row in rows]
    columns = range(max(len(row) for row in images))
    widths = [max(row[n].width for row in images if n < len(row)) for n in columns]
    lefts = [GAP + sum(widths[:n]) + GAP * n for n in columns]
    band = CAPTION + HEIGHT + GAP
    canvas = Image.new("RGB", (lefts[-1] + widths[-1] + GAP, band * len(rows)), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(14)
    for number, (row, pictures) in enumerate(zip(rows, images, strict=True)):
        top = number * band
        for left, image, panel in zip(lefts, pictures, row, strict=False):
            canvas.paste(image, (left, top + CAPTION))
            ink = ACCENT if panel.accent else INK
            caption = _fit(pen, panel.caption, font, image.width)
            pen.text((left, top + 5), caption, fill=ink, font=font)
            if panel.accent:
                frame = (left - 2, top + CAPTION - 2)
                far = (left + image.width + 1, top + CAPTION + HEIGHT + 1)
                pen.rectangle((*frame, *far), outline=ACCENT, width=2)
    target = io.BytesIO()
    canvas.save(target, "PNG", optimize=True)
    return target.getvalue()


def _panel_image(picture: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    width = max(1, round(image.width * HEIGHT / image.height))
    image = image.resize((width, HEIGHT), Image.Resampling.LANCZOS)
    widest = round(HEIGHT * WIDEST)
    if width > widest:
        left = (width - widest) // 2
        image = image.crop((left, 0, left + widest, HEIGHT))
    return image


def _fit(
    pen: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    """The text, cut to a width in pixels."""
    while len(text) > 1 and pen.textlength(text, font=font) > width:
        text = text[:-2].rstrip() + "…"
    return text


def small_jpeg(frame: npt.NDArray[np.uint8]) -> bytes:
    """A frame's picture as it is kept."""
    image = Image.fromarray(frame)
    image.thumbnail((round(HEIGHT * 3), HEIGHT), Image.Resampling.BICUBIC)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def picture_name(time: float) -> str:
    """The name of the picture of a frame at this time (seconds), in folders and packs alike."""
    return f"{round(time * 1000):08d}.jpg"


def time_of(name: str) -> float:
    """The time (seconds) of the picture that has this name."""
    return int(name.removesuffix(".jpg")) / 1000

"""The comparison image of a comment: moments of the new clip beside those of the found ones."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from dejabug.media_store.thumbnails import HEIGHT

# The image's look: dark enough for both of Jira's themes.
GAP = 8
CAPTION = 26
BACKGROUND = (29, 33, 37)
INK = (222, 228, 234)
ACCENT = (87, 157, 255)
# A panel keeps this many times its height at most, so that a panorama does not crowd out the rest.
WIDEST = 2.0


@dataclass(frozen=True)
class Panel:
    """One thumbnail of the image, with the caption above it."""

    thumbnail: bytes
    caption: str
    accent: bool = False


def draw_comparison(rows: Sequence[Sequence[Panel]]) -> bytes:
    """Thumbnails side by side at one height, each under its caption, in one or more rows → a PNG.

    In several rows, the n-th thumbnails stand below each other.
    """
    images = [[_panel_image(panel.thumbnail) for panel in row] for row in rows]
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


def _panel_image(thumbnail: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(thumbnail)).convert("RGB")
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

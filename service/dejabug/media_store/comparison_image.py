"""The comparison image of a comment: moments of the new clip next to those of the found clips.

Jira's mobile app shows it about 360 pixels wide, so frames are in two columns and captions are
large: 11 pixels or more on such a screen. Captions are on a solid bar above each frame, where no
game's own display makes them hard to read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

# Changes whenever the image looks different, so that comments get a new one.
LOOK = "2"
# All sizes in pixels. A thumbnail of a wide screen (16:9) fills a column as it is.
GAP = 8
COLUMNS = 2
COLUMN = 320
WIDTH = COLUMNS * (COLUMN + GAP) + GAP
# Thumbnails of narrower screens are enlarged up to this height.
HIGHEST = 320
BAR = 40
PADDING = 10
# On a screen 360 pixels wide, the larger has 14 pixels and the smaller, for long keys, 11.
CAPTION_SIZES = (26, 21)
# Dark enough for both of Jira's themes.
BACKGROUND = (29, 33, 37)
BAR_COLOUR = (52, 60, 68)
INK = (222, 228, 234)
ACCENT = (87, 157, 255)
ON_ACCENT = (9, 30, 66)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Panel:
    """One frame of the image. The bar above it has a caption (a ticket's key) and a time. `accent`
    marks the ticket that the comment is on."""

    thumbnail: bytes
    caption: str
    time: str = ""
    accent: bool = False


def draw_comparison(panels: Sequence[Panel]) -> bytes:
    """Frames in two columns, row by row, each under its caption → a PNG that is WIDTH wide."""
    images = [_panel_image(panel.thumbnail) for panel in panels]
    rows = [range(n, min(n + COLUMNS, len(panels))) for n in range(0, len(panels), COLUMNS)]
    heights = [max(images[n].height for n in row) for row in rows]
    canvas = Image.new(
        "RGB", (WIDTH, GAP + sum(height + BAR + GAP for height in heights)), BACKGROUND
    )
    pen = ImageDraw.Draw(canvas)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        for column, number in enumerate(row):
            left = GAP + column * (COLUMN + GAP)
            image = images[number]
            across, down = (COLUMN - image.width) // 2, (height - image.height) // 2
            _draw_bar(pen, panels[number], left, top)
            canvas.paste(image, (left + across, top + BAR + down))
            if panels[number].accent:
                far = (left + COLUMN, top + BAR + height)
                pen.rectangle((left - 1, top - 1, *far), outline=ACCENT, width=3)
        top += height + BAR + GAP
    target = io.BytesIO()
    canvas.save(target, "PNG", optimize=True)
    return target.getvalue()


def _panel_image(thumbnail: bytes) -> Image.Image:
    """A thumbnail at the size at which it is shown, in its own proportions."""
    image = Image.open(io.BytesIO(thumbnail)).convert("RGB")
    scale = min(COLUMN / image.width, HIGHEST / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _draw_bar(pen: ImageDraw.ImageDraw, panel: Panel, left: int, top: int) -> None:
    """The caption on the left of the bar, the time on its right."""
    fill, ink = (ACCENT, ON_ACCENT) if panel.accent else (BAR_COLOUR, INK)
    pen.rectangle((left, top, left + COLUMN - 1, top + BAR - 1), fill=fill)
    room = COLUMN - 2 * PADDING - (PADDING if panel.time else 0)
    *larger, smallest = (ImageFont.load_default(size) for size in CAPTION_SIZES)
    both = panel.caption + panel.time
    font = next((font for font in larger if pen.textlength(both, font=font) <= room), smallest)
    caption = _fit(pen, panel.caption, font, room - pen.textlength(panel.time, font=font))
    middle = top + BAR // 2
    pen.text((left + PADDING, middle), caption, fill=ink, font=font, anchor="lm")
    right = left + COLUMN - PADDING
    pen.text((right, middle), panel.time, fill=ink, font=font, anchor="rm")


def _fit(pen: ImageDraw.ImageDraw, text: str, font: Font, width: float) -> str:
    """The text, cut to a width in pixels: its end is kept, since keys end in their number."""
    while len(text) > 1 and pen.textlength(text, font=font) > width:
        text = "…" + text[2:].lstrip()
    return text

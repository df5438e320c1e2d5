"""The contact sheet of a clip: one image with all kept frames and their times, under a few facts
about the clip."""

from __future__ import annotations

import bisect
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from dejabug.media.scaling import LONGEST_SIDE
from dejabug.media_store.comparison_image import ACCENT, BACKGROUND, GAP, INK

# Pixels: a sheet fits on a screen, and its file stays under about 2 MB.
WIDEST = 1600
HIGHEST_GRID = 1160
# The header's text needs some room even above a single small frame.
NARROWEST = 640
# At most this many frames are shown, evenly spaced: each stays large enough to recognise.
MOST_TILES = 180
# Maximum of a frame's shorter side in pixels: about as much as is sampled for the encoders.
LARGEST_TILE = 240
CAPTION = 20
TITLE_SIZE, TEXT_SIZE, CAPTION_SIZE = 20, 14, 12
LEADING = 6
# Lines of the header, so that a long file name cannot push the frames away.
MOST_TITLE_LINES, MOST_LINES = 2, 12
LONGEST_TEXT = 2000  # characters
DIM = (148, 158, 168)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Tile:
    """A frame, its `time` in seconds, and a few words next to it, such as `3 similar`."""

    picture: Image.Image
    time: float
    beside: str = ""


def contact_sheet(title: str, lines: Sequence[str], tiles: Sequence[Tile]) -> Image.Image:
    """Frames in rows, each over its time, under a title and lines of text.

    At most `WIDEST` pixels wide. Of more than MOST_TILES frames, that many are shown, evenly
    spaced.
    """
    shown = _spread(tiles)
    if len(shown) < len(tiles):
        lines = [*lines, f"shows {len(shown)} of {len(tiles)} frames"]
    columns, width, height = grid(len(shown), _aspect(shown))
    across = max(NARROWEST, GAP + columns * (width + GAP))
    head = _head(title, lines, across - 2 * GAP)
    band = height + CAPTION + GAP
    rows = math.ceil(len(shown) / columns)
    top = head.height + rows * band
    canvas = Image.new("RGB", (across, top), BACKGROUND)
    canvas.paste(head, (0, 0))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(CAPTION_SIZE)
    for number, tile in enumerate(shown):
        row, column = divmod(number, columns)
        left, top = GAP + column * (width + GAP), head.height + row * band
        picture = _fitted(tile.picture, width, height)
        canvas.paste(picture, (left, top))
        pen.text((left, top + height + 3), clock(tile.time), fill=INK, font=font)
        if tile.beside:
            room = width - pen.textlength(f"{clock(tile.time)}  ", font=font)
            words = _shortened(pen, tile.beside, font, room)
            place = (left + width - pen.textlength(words, font=font), top + height + 3)
            pen.text(place, words, fill=ACCENT, font=font)
    return canvas


def left_out_after(times: Sequence[float], sampled: Sequence[float]) -> list[int]:
    """How many samples were dropped after each kept frame, before the next one. Both in seconds and
    in order; samples before the first kept frame are not counted."""
    counts = [0] * len(times)
    kept = set(times)
    for time in sampled:
        here = bisect.bisect_right(times, time) - 1
        if time not in kept and here >= 0:
            counts[here] += 1
    return counts


def beside_words(count: int, *, duplicates: int, blank: int) -> str:
    """The words next to a frame after which `count` samples were dropped, in a clip with this many
    near-duplicates and blank frames."""
    if not count:
        return ""
    if not blank:
        return f"{count} similar"
    return f"{count} blank" if not duplicates else f"{count} skipped"


def clock(seconds: float) -> str:
    """Seconds as on a player, to a tenth: 0:03.5, 1:02:03."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest % 10}" if rest % 10 else ""
    start = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{start}:{rest // 10:02d}{fraction}"


def grid(count: int, aspect: float) -> tuple[int, int, int]:
    """Columns, and each frame's width and height in pixels, for frames with one aspect ratio (width
    over height): as large as possible within WIDEST and HIGHEST_GRID."""
    columns = 0
    while True:
        columns += 1
        width = (WIDEST - GAP) // columns - GAP
        width = min(width, round(LARGEST_TILE * max(aspect, 1.0)))
        height = max(1, round(width / aspect))
        rows = math.ceil(count / columns)
        if rows <= 1 or rows * (height + CAPTION + GAP) <= HIGHEST_GRID:
            return min(columns, max(count, 1)), width, height


def _spread(tiles: Sequence[Tile]) -> list[Tile]:
    if len(tiles) <= MOST_TILES:
        return list(tiles)
    return [tiles[number * len(tiles) // MOST_TILES] for number in range(MOST_TILES)]


def _aspect(tiles: Sequence[Tile]) -> float:
    if not tiles:
        return 16 / 9
    width, height = tiles[0].picture.size
    return min(max(width / height, 1 / LONGEST_SIDE), float(LONGEST_SIDE))


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The image scaled to fit this size, centred; never larger than twice its own size."""
    factor = min(width / picture.width, height / picture.height, 2.0)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    if size == (width, height):
        return small
    whole = Image.new("RGB", (width, height), BACKGROUND)
    whole.paste(small, ((width - size[0]) // 2, (height - size[1]) // 2))
    return whole


def _head(title: str, lines: Sequence[str], width: int) -> Image.Image:
    """The title and the lines, wrapped, on a strip of this width plus gaps."""
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    written: list[tuple[str, Font, int, tuple[int, int, int]]] = []
    title_font = ImageFont.load_default(TITLE_SIZE)
    for text in _wrapped(pen, title, title_font, width, MOST_TITLE_LINES):
        written.append((text, title_font, TITLE_SIZE, INK))
    font = ImageFont.load_default(TEXT_SIZE)
    broken: list[str] = []
    for line in lines:
        broken += _wrapped(pen, line, font, width, MOST_LINES - len(broken))
    written += [(text, font, TEXT_SIZE, DIM) for text in broken]
    height = GAP + sum(size + LEADING for _, _, size, _ in written) + GAP
    strip = Image.new("RGB", (width + 2 * GAP, height), BACKGROUND)
    pen, top = ImageDraw.Draw(strip), GAP
    for text, face, size, ink in written:
        pen.text((GAP, top), text, fill=ink, font=face)
        top += size + LEADING
    return strip


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font: Font, width: int, most: int) -> list[str]:
    """The text in lines that are no wider than this many pixels: wrapped between words, or within a
    word that is too long for a line. At most LONGEST_TEXT characters and `most` lines."""
    lines: list[str] = []
    line = ""
    for word in drawable(" ".join(text.split())[:LONGEST_TEXT], font).split(" "):
        longer = f"{line} {word}" if line else word
        if pen.textlength(longer, font=font) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while len(lines) < most and pen.textlength(word, font=font) > width:
            fits = _fitting(pen, word, font, width)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
        if len(lines) >= most:
            break
    return [*lines, line][:most] if line else lines[:most]


def drawable(text: str, font: Font) -> str:
    """The text in characters that the font has (Pillow's own has little beyond ASCII): letters
    without their accents, and a question mark for what it cannot draw at all."""
    lacks = bytes(font.getmask("\uffff"))
    return "".join(_nearest(sign, font, lacks) for sign in text)


def _nearest(sign: str, font: Font, lacks: bytes) -> str:
    if sign == " ":
        return sign
    if unicodedata.category(sign) == "Pd":
        return "-"
    for spelling in (sign, unicodedata.normalize("NFKD", sign)):
        known = [each for each in spelling if bytes(font.getmask(each)) not in (lacks, b"")]
        if known:
            return "".join(known)
    return "" if unicodedata.category(sign)[0] in "CM" else "?"


def _fitting(pen: ImageDraw.ImageDraw, word: str, font: Font, width: int) -> int:
    """How many of a word's characters fit into this many pixels; at least one."""

    def wide(count: int) -> bool:
        return pen.textlength(word[:count], font=font) > width

    return max(1, bisect.bisect_left(range(len(word) + 1), True, key=wide) - 1)


def _shortened(pen: ImageDraw.ImageDraw, text: str, font: Font, room: float) -> str:
    """`3 similar`, or `+3` if there is no room for it, or nothing."""
    for words in (text, f"+{text.split()[0]}"):
        if pen.textlength(words, font=font) <= room:
            return words
    return ""

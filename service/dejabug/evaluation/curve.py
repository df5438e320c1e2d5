"""Draws the precision-recall curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from dejabug.evaluation.calibrate import WANTED_PRECISION, Point
from dejabug.infra.errors import UserError

WIDTH, HEIGHT = 900, 600
LEFT, TOP, RIGHT, BOTTOM = 90, 92, 30, 70
# Also distinguishable with colour blindness (Okabe and Ito, "Color Universal Design", 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
INK, PALE = "#172b4d", "#dfe1e6"


def draw(curves: Mapping[str, Sequence[Point]], threshold: float, path: Path) -> None:
    """Write a PNG: for each named curve, the precision of comments over the share of tickets with a
    duplicate that get a right one; a dot at `threshold`. Raises UserError for a file name without
    an image format's extension."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(20), ImageFont.load_default(15)
    pen.text((LEFT, 16), "Precision and recall by threshold", INK, large)
    for tenth in range(0, 11, 2):
        x, y = _at(tenth / 10, tenth / 10)
        pen.line([(LEFT, y), (WIDTH - RIGHT, y)], PALE)
        pen.text((LEFT - 12, y), f"{tenth * 10} %", INK, small, anchor="rm")
        pen.text((x, HEIGHT - BOTTOM + 10), f"{tenth * 10} %", INK, small, anchor="mt")
    _, wanted = _at(0, WANTED_PRECISION)
    for x in range(LEFT, WIDTH - RIGHT, 12):
        pen.line([(x, wanted), (x + 6, wanted)], INK)
    pen.text((WIDTH - RIGHT, wanted - 4), f"{WANTED_PRECISION:.0%}", INK, small, anchor="rb")
    middle = (LEFT + WIDTH - RIGHT) / 2
    below = "recall: tickets with a duplicate that get a correct suggestion"
    pen.text((middle, HEIGHT - 18), below, INK, small, anchor="mb")
    pen.text((LEFT, TOP - 10), "precision: correct suggestions", INK, small, anchor="lb")
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = [_at(point.found, point.precision) for point in points if point.named]
        if len(line) > 1:
            pen.line(line, colour, width=3, joint="curve")
        chosen = next((point for point in points if point.threshold >= threshold), None)
        legend = f"{name}: no score reaches {threshold:g}"
        if chosen is not None:
            x, y = _at(chosen.found, chosen.precision)
            pen.ellipse([x - 7, y - 7, x + 7, y + 7], fill=colour, outline="white", width=2)
            right = f"precision {chosen.precision:.0%}, recall {chosen.found:.0%}"
            legend = f"{name}: at {threshold:g}, {right}"
        top = HEIGHT - BOTTOM - 30 - 24 * (len(curves) - 1 - number)
        pen.line([(LEFT + 16, top), (LEFT + 44, top)], colour, width=4)
        pen.text((LEFT + 54, top), legend, INK, small, anchor="lm")
    try:
        picture.save(path)
    except ValueError:  # Pillow decides by the extension
        raise UserError(
            f"{path.name} does not end in an image format's extension; use a name like curve.png"
        ) from None


def _at(recall: float, precision: float) -> tuple[float, float]:
    x = LEFT + recall * (WIDTH - LEFT - RIGHT)
    return x, TOP + (1 - precision) * (HEIGHT - TOP - BOTTOM)

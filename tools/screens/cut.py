"""Puts a film together: pictures, how long each is seen, a caption below, and the pointer."""

from __future__ import annotations

import html
import io
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

CAPTION_HEIGHT = 52
# The pointer's outline from its tip, in pixels, drawn this many times larger and then made smaller.
POINTER = ((0, 0), (0, 21), (5, 16.5), (8.4, 24.5), (12, 23), (8.6, 15.2), (15, 15))
FINE = 4
PRESSED_RADIUS = 15
STYLE = """
  body { margin: 0; height: 100vh; display: flex; align-items: center; gap: 14px; padding: 0 22px;
    box-sizing: border-box; background: #1d2125; color: #fff; font: 600 21px system-ui, sans-serif }
  i { width: 9px; height: 9px; border-radius: 50%; background: #596773 }
  i.on { background: #579dff }
  div { margin-left: auto; display: flex; gap: 9px }
"""


def captions(browser: Browser, texts: Sequence[str], width: int) -> list[Image.Image]:
    """Each caption as a picture, drawn by the browser, with dots for where the film is."""
    page = browser.new_page(viewport={"width": width, "height": CAPTION_HEIGHT})
    pictures = []
    for number, text in enumerate(texts):
        dots = "".join(f"<i class='{'on' * (each == number)}'></i>" for each in range(len(texts)))
        page.set_content(
            f"<style>{STYLE}</style><body><span>{html.escape(text)}</span><div>{dots}</div>"
        )
        pictures.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    page.close()
    return pictures


class Cut:
    """The film so far."""

    def __init__(self, caption_pictures: Sequence[Image.Image]) -> None:
        self._captions = caption_pictures
        self._frames: list[tuple[Image.Image, int]] = []

    def add(
        self,
        picture: Image.Image,
        scene: int,
        milliseconds: int,
        pointer: tuple[float, float],
        *,
        pressed: bool = False,
    ) -> None:
        """Add a picture of the page with its scene's caption, and the pointer at these pixels."""
        caption = self._captions[scene]
        whole = Image.new("RGB", (picture.width, picture.height + caption.height))
        whole.paste(picture)
        _point(whole, pointer, pressed=pressed)
        whole.paste(caption, (0, picture.height))
        if self._frames and self._frames[-1][0].tobytes() == whole.tobytes():
            whole, milliseconds = whole, milliseconds + self._frames.pop()[1]
        self._frames.append((whole, milliseconds))

    def seconds(self) -> float:
        """How long the film is."""
        return sum(milliseconds for _, milliseconds in self._frames) / 1000

    def write(self, path: Path) -> None:
        """Write it as an animated GIF with one palette, and without dithering that flickers."""
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            for number, (picture, milliseconds) in enumerate(self._frames):
                name = f"{folder}/{number:04}.png"
                picture.save(name, compress_level=1)
                # A GIF's times are in hundredths of a second.
                lines += [f"file '{name}'", "option framerate 100"]
                lines.append(f"duration {milliseconds / 1000}")
            lines.append(f"file '{name}'")  # the last duration counts only with a file after it
            script = Path(folder) / "frames.txt"
            script.write_text("\n".join(lines), "utf-8")
            palette = "split[a][b];[a]palettegen=stats_mode=full:max_colors=112[p];"
            palette += "[b][p]paletteuse=dither=none:diff_mode=rectangle"
            subprocess.run(
                [
                    imageio_ffmpeg.get_ffmpeg_exe(),
                    *("-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(script)),
                    *("-vf", palette, "-fps_mode", "vfr", "-loop", "0", str(path)),
                ],
                check=True,
            )


def _point(picture: Image.Image, at: tuple[float, float], *, pressed: bool) -> None:
    """Draw the pointer."""
    layer = Image.new("RGBA", (64 * FINE, 64 * FINE))
    draw = ImageDraw.Draw(layer)
    middle = 32 * FINE
    if pressed:
        reach = PRESSED_RADIUS * FINE
        box = (middle - reach, middle - reach, middle + reach, middle + reach)
        draw.ellipse(box, fill=(87, 157, 255, 130))
    outline = [(middle + x * FINE, middle + y * FINE) for x, y in POINTER]
    draw.polygon(outline, fill=(20, 20, 20, 255), outline=(255, 255, 255, 255), width=FINE + 2)
    small = layer.resize((64, 64), Image.Resampling.LANCZOS)
    picture.paste(small, (round(at[0]) - 32, round(at[1]) - 32), small)

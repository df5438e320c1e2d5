"""`python -m tools.record.sheet FOLDER PNG`: all clips of a folder in one image, for a check."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, COUNT, CAPTION = 160, 90, 6, 14


def main() -> None:
    """One row per clip, in the order of groups."""
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [
        json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    ]
    rows.sort(key=lambda row: (row["game"], row["group"] or "~", row["scene"], row["file"]))
    half = (len(rows) + 1) // 2
    page = Image.new("RGB", (2 * WIDTH * COUNT, half * (HEIGHT + CAPTION)), "white")
    pen = ImageDraw.Draw(page)
    for number, row in enumerate(rows):
        left, top = (number // half) * WIDTH * COUNT, (number % half) * (HEIGHT + CAPTION)
        pen.text((left + 2, top + 1), f"{row['file']}  {row['group'] or row['scene']}", "black")
        for index, picture in enumerate(_pictures(folder / row["file"])[:COUNT]):
            page.paste(Image.fromarray(picture), (left + index * WIDTH, top + CAPTION))
    page.save(target)


def _pictures(path: Path) -> np.ndarray:
    # One frame a second.
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path,
        "-vf", f"fps=1,scale={WIDTH}:{HEIGHT}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    ]  # fmt: skip
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


if __name__ == "__main__":
    main()

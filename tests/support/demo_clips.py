"""The demo's clips: some by name, and some of them as a data set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dejabug.demo.studio import CLIPS

# Two runs of one bug, two more of another, and one that shows no bug.
COWS = ("crafter-01.mov", "crafter-18.mp4", "crafter-19.mp4")
PLACEHOLDER = ("crafter-14.mp4", "crafter-20.mov")
QUIET = "crafter-12.webm"
# Clips of one bug in Freedoom, and others of the same place.
CAMERA = ("freedoom-17.mp4", "freedoom-09.webm")
COURT = ("freedoom-06.mp4", "freedoom-11.mp4", "freedoom-12.mp4", "freedoom-20.webm")


def data_set(
    folder: Path, wanted: Callable[[dict[str, Any]], bool], *, broken: bool = False, **more: str
) -> Path:
    """Make a folder a data set of those of the demo's clips whose entry in the manifest is wanted,
    with `more` in their entries; where one is to be `broken`, also with one that cannot be read.
    The folder."""
    folder.mkdir(exist_ok=True)
    lines = (CLIPS / "manifest.jsonl").read_text("utf-8").splitlines()
    chosen = [{**entry, **more} for entry in map(json.loads, lines) if wanted(entry)]
    for entry in chosen:
        shutil.copy(CLIPS / entry["file"], folder)
    if broken:
        (folder / "broken.mp4").write_bytes(b"no video")
        chosen.append({"file": "broken.mp4", "game": "Crafter", "summary": "Cannot be opened"})
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, chosen)), "utf-8")
    return folder

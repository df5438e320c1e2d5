"""TORCS from Debian: races between its robots, with some of the game's files replaced."""

from __future__ import annotations

import io
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from tools.record.cases import Game, message, overlay
from tools.record.cases import recordings as planned
from tools.record.clips import ClipSet, Recording
from tools.record.screen import NEEDED, Play, Screen, require
from tools.record.words.torcs import CASES, LATER

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/torcs")
DATA = Path("/usr/share/games/torcs")
SIZE = (480, 270)
PACE = 0.6
# (module, index) of the robots on the grid, the first one in front.
ROBOTS = (("berniw", 4), ("olethros", 5), ("lliaw", 6), ("tita", 7), ("inferno", 3))
# Which robot is followed, from which camera, how long after the start: a run's view, by number.
VIEWS = (
    (4, "", 1.0), (2, "F3", 4.0), (1, "", 8.0), (3, "F4", 3.0), (0, "F2", 6.0), (2, "", 11.0),
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """A track: its folder, and the textures of its road and of its trees."""

    name: str
    folder: str
    road: str
    trees: str = ""


TRACKS = {
    "street": Track("Street 1", "road/street-1", r"tr-(road|asphalt).*", r"t(ree|own|r-house).*"),
    "alpine": Track("Alpine 1", "road/alpine-1", r"road\d.rgb", r"(treeg|arbor|asgrass).*"),
    "dirt": Track("Dirt 1", "dirt/dirt-1", r"tr-dirtb?.rgb", r"(tree|castle-arbor|waterplants).*"),
    "wheel": Track("Wheel 1", "road/wheel-1", r".*(road|asphalt).*", r".*(tree|arbor).*"),
    "aalborg": Track("Aalborg", "road/aalborg", r".*(road|asphalt).*", r".*(tree|arbor).*"),
}

BUGS = {
    "road": ("road without its texture", "missing_texture"),
    "trees": ("trees without transparency", "material_error"),
    "body": ("car bodies hang above their wheels", "floating_object"),
    "drop": ("cars fall onto the grid from the air", "spawn_position"),
    "paint": ("cars without their paint", "missing_texture"),
}

DIALOGS = {
    "message": message(
        "Game controller 1: connection lost.\nWaiting for it to come back.", 2.0, 4.0
    )
}


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The clips of a set. Raises RecorderError when a Debian package is missing."""
    program = str(LIBRARY / "torcs-bin")
    require({**NEEDED, program: "torcs", str(DATA / "tracks/road/alpine-1"): "torcs-data"})
    scenes = {key: track.name for key, track in TRACKS.items()}
    return planned(
        Game("TORCS", "torcs", BUGS, scenes, CASES, _run, LATER, DIALOGS), clip_set, seed
    )


def _run(bug: str, where: str, number: int, seconds: float, folder: Path) -> Play:
    track = TRACKS[where]
    data, settings = folder / "data", folder / "settings"
    overlay(DATA, data, _changed(bug, track))
    settings.mkdir()
    setup: list[str | Path] = ["bash", LIBRARY / "setup_linux.sh", f"{settings}/"]
    subprocess.run(setup, cwd=DATA, check=False, capture_output=True)
    (settings / "config/raceman/quickrace.xml").write_text(_race(bug, track), "utf-8")
    _write_settings(settings / "config")
    robot, camera, wait = VIEWS[number % len(VIEWS)]
    if bug == "drop":
        wait = 0.0  # only the start shows the bug
    command: list[str | Path] = [
        LIBRARY / "torcs-bin",
        "-l",
        f"{settings}/",
        "-L",
        LIBRARY,
        "-D",
        f"{data}/",
    ]
    environment = {"HOME": str(folder), "LD_LIBRARY_PATH": str(LIBRARY / "lib")}
    ready = _Started(robot, camera, wait)
    return Play(command, SIZE, seconds, (), ready, environment, data, PACE)


class _Started:
    """Opens the race through the menus; true once its first frame has been shown for `wait`."""

    def __init__(self, robot: int, camera: str, wait: float) -> None:
        self._robot, self._camera, self._wait = robot, camera, wait
        self._menus = False

    def __call__(self, screen: Screen) -> bool:
        red, green, blue = screen.frame().mean(axis=(0, 1))
        if blue > 1.6 * max(red, green) and blue > 20:  # menus are blue
            self._menus = True
            screen.xdotool("key", "Return")
            time.sleep(1.5)
            return False
        if not self._menus or red + green + blue < 90:
            return False
        for _ in range(self._robot):
            screen.xdotool("key", "Next")
        if self._camera:
            screen.xdotool("key", self._camera)
        time.sleep(self._wait / PACE)
        return True


def _write_settings(config: Path) -> None:
    file = config / "screen.xml"
    text = file.read_text("utf-8")
    for name, value in zip(("x", "y"), SIZE, strict=True):
        text = re.sub(rf'(name="{name}" val=)"\d+"', rf'\1"{value}"', text)
    file.write_text(text, "utf-8")


def _race(bug: str, track: Track) -> str:
    text = (DATA / "config/raceman/quickrace.xml").read_text("utf-8")
    category, name = track.folder.split("/")
    text = text.replace('name="name" val="forza"', f'name="name" val="{name}"')
    text = text.replace('name="category" val="road"', f'name="category" val="{category}"')
    drivers = "".join(
        f'<section name="{place}"><attnum name="idx" val="{index}"/>'
        f'<attstr name="module" val="{module}"/></section>'
        for place, (module, index) in enumerate(ROBOTS, start=1)
    )
    first, last = (
        text.index('<section name="Drivers">'),
        text.index('<section name="Configuration">'),
    )
    text = (
        f'{text[:first]}<section name="Drivers"><attnum name="maximum number" val="40"/>'
        f'<attstr name="focused module" val="{ROBOTS[0][0]}"/>'
        f'<attnum name="focused idx" val="{ROBOTS[0][1]}"/>{drivers}</section>{text[last:]}'
    )
    if bug == "drop":
        text = text.replace('name="initial height" val="0.2"', 'name="initial height" val="9"')
    return text


def _changed(bug: str, track: Track) -> dict[str, bytes | None]:
    folder = DATA / "tracks" / track.folder
    if bug == "road":
        return {_below(path): placeholder(path, 4) for path in _named(folder, track.road)}
    if bug == "paint":
        # A robot's folder may have its own paint file, which has priority over the car's.
        painted = chain((DATA / "cars").glob("*/*.rgb"), (DATA / "drivers").rglob("*.rgb"))
        models = {path.name for path in (DATA / "cars").iterdir()}
        cars = [path for path in painted if path.stem in models]
        return {_below(path): placeholder(path, 32) for path in cars}
    if bug == "trees":
        return {_below(path): opaque(path) for path in _named(folder, track.trees)}
    if bug == "body":
        bodies = (DATA / "cars").glob("*/*.acc")
        return {_below(path): raised(path.read_text("latin-1"), 0.9) for path in bodies}
    return {}


def _below(path: Path) -> str:
    return str(path.relative_to(DATA))


def _named(folder: Path, pattern: str) -> list[Path]:
    pictures = [path for path in folder.iterdir() if path.suffix in (".rgb", ".png")]
    return [path for path in pictures if re.fullmatch(pattern, path.name)]


def placeholder(path: Path, across: int) -> bytes:
    """White and blue squares, `across` (a power of two) per side, in the format of `path`."""
    places = np.arange(4 * across) // 4
    squares = np.add.outer(places, places) % 2
    pixels = np.where(squares[:, :, None] == 1, (255, 255, 255), (40, 90, 255)).astype(np.uint8)
    return _written(Image.fromarray(pixels), path)


def opaque(path: Path) -> bytes:
    """The same image without its transparency."""
    return _written(Image.open(path).convert("RGB"), path)


def _written(image: Image.Image, path: Path) -> bytes:
    file = io.BytesIO()
    image.save(file, "SGI" if path.suffix == ".rgb" else "PNG")
    return file.getvalue()


def raised(model: str, metres: float) -> bytes:
    """An AC3D model with every vertex moved up; a `numvert N` line is followed by N lines `x y z`."""
    lines, left = model.split("\n"), 0
    for number, line in enumerate(lines):
        if line.startswith("numvert "):
            left = int(line.split()[1])
        elif left > 0:
            values = line.split()
            values[1] = f"{float(values[1]) + metres:.5f}"
            lines[number] = " ".join(values)
            left -= 1
    return "\n".join(lines).encode("latin-1")

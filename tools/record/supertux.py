"""SuperTux from Debian: levels started at a given place, with some of the game's files replaced.

The game reads its user folder before its own data, so a changed file there replaces the original.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tools.record.cases import Game, opened
from tools.record.cases import recordings as planned
from tools.record.clips import ClipSet, Recording
from tools.record.screen import NEEDED, Play, Screen, Step, held, require
from tools.record.words.supertux import CASES, LATER

PROGRAM = Path("/usr/games/supertux2")
DATA = Path("/usr/share/games/supertux2")
SIZE = (640, 360)
# Mean brightness below which the display still shows a level's black title card.
CARD = 25


@dataclass(frozen=True)
class Place:
    """A stretch of a level: where runs start, in pixels, and which tiles its ground consists of."""

    name: str
    level: str
    starts: tuple[tuple[int, int], ...]
    ground: str


PLACES = {
    "antarctica": Place(
        "Welcome to Antarctica", "world1/welcome_antarctica",
        ((96, 544), (260, 544), (640, 544)), "tiles/snow/",
    ),
    "gate": Place(
        "The Entrance to the Cave", "world1/entrance_cave",
        ((96, 480), (140, 480), (60, 480)), "tiles/snow/",
    ),
    "forest": Place(
        "Welcome to the Forest", "world2/welcome_forest",
        ((96, 1790), (300, 1790), (180, 1790)), "tiles/forest/",
    ),
    "fields": Place(
        "Frosted Fields", "world1/frosted_fields",
        ((96, 768), (200, 768), (300, 700)), "tiles/snow/",
    ),
    "roots": Place(
        "Wooden Roots", "world2/wooden_roots",
        ((96, 736), (180, 700), (240, 700)), "tiles/forest/",
    ),
    "night": Place(
        "Night Chill", "world1/night_chill",
        ((96, 544), (200, 544), (300, 500)), "tiles/snow/",
    ),
}  # fmt: skip

BUGS = {
    "nofloor": ("ground without collision", "no_collision"),
    "blocks": ("bonus blocks without their texture", "missing_texture"),
    "stack": ("enemies spawned into one another", "spawn_overlap"),
    "unseen": ("the player's penguin is not drawn", "missing_model"),
    "camera": ("camera does not follow", "broken_camera"),
}

DIALOGS = {"pause": opened("Escape", 2.2, 3.9)}


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The clips of a set. Raises RecorderError when a Debian package is missing."""
    require({**NEEDED, str(PROGRAM): "supertux", str(DATA / "images"): "supertux-data"})
    scenes = {key: place.name for key, place in PLACES.items()}
    game = Game("SuperTux", "supertux", BUGS, scenes, CASES, _run, LATER, DIALOGS)
    return planned(game, clip_set, seed)


def _run(bug: str, where: str, number: int, seconds: float, folder: Path) -> Play:
    place = PLACES[where]
    start = place.starts[number % len(place.starts)]
    user = folder / "user"
    user.mkdir()
    for name, content in _changed(bug, place).items():
        (user / name).parent.mkdir(parents=True, exist_ok=True)
        (user / name).write_bytes(content)
    level = folder / "level.stl"
    level.write_text(_level(bug, place, start), "utf-8")
    command: list[str | Path] = [
        PROGRAM, "--userdir", user, "--renderer", "sdl", "--window", "--geometry",
        f"{SIZE[0]}x{SIZE[1]}", "--disable-sound", "--disable-music", "--no-show-fps",
        "--spawn-pos", f"{start[0]},{start[1]}", level,
    ]  # fmt: skip
    steps = ROUTES[bug](seconds, number) if bug in ROUTES else _walk(seconds, number)
    return Play(
        command,
        SIZE,
        seconds,
        steps,
        ready=_level_shows,
        environment={"HOME": str(folder)},
        pace=0.7,
    )


def _level_shows(screen: Screen) -> bool:
    if screen.frame().mean() > CARD:
        return True
    screen.xdotool("key", "space")  # any key closes the title card
    time.sleep(0.7)
    return False


def _walk(seconds: float, number: int) -> tuple[Step, ...]:
    """To the right with jumps; each run jumps at different moments, and some turn back."""
    jumps = [
        held("space", at + 0.3 * (number % 4), at + 0.5 + 0.3 * (number % 4))
        for at in (0.8, 2.4, 4.0)
    ]
    ways: tuple[Step, ...]
    if number % 3 == 1:
        ways = (*held("Right", 0.3, 2.8), *held("Left", 2.9, 4.2), *held("Right", 4.3, seconds))
    elif number % 3 == 2:
        ways = (
            *held("Control_L", 0.2, seconds),
            *held("Right", 0.3, 1.6),
            *held("Right", 2.4, seconds),
        )
    else:
        ways = held("Right", 0.4, seconds)
    return (*ways, *(step for jump in jumps for step in jump))


def _stay(seconds: float, number: int) -> tuple[Step, ...]:
    """Near the spot: a few steps back and forth, with a jump."""
    first = ("Right", "Left")[number % 2]
    return (
        *held(first, 0.5 + 0.4 * number, 0.9 + 0.4 * number),
        *held("space", 1.6 + 0.5 * number, 2.2 + 0.5 * number),
        *held("Right", 3.4, 3.8 + 0.2 * number),
    )


ROUTES: Mapping[str, Callable[[float, int], tuple[Step, ...]]] = {"stack": _stay}


def _changed(bug: str, place: Place) -> dict[str, bytes]:
    match bug:
        case "nofloor":
            tiles = (DATA / "images/tiles.strf").read_text("utf-8")
            return {"images/tiles.strf": passable(tiles, place.ground).encode()}
        case "blocks":
            folder = DATA / "images/objects/bonus_block"
            return {_below(path): placeholder(path) for path in folder.glob("full-*.png")}
        case "unseen":
            pictures = (DATA / "images/creatures/tux").rglob("*.png")
            return {_below(path): transparent(path) for path in pictures}
    return {}


def _below(path: Path) -> str:
    return str(path.relative_to(DATA))


def passable(tiles: str, images: str) -> str:
    """The game's tile list without collision for the tiles whose image path begins with `images`."""
    blocks = re.split(r"(?=\n  \(tiles?\n)", tiles)
    for number, block in enumerate(blocks):
        if f'"{images}' in block:
            block = block.replace("(solid #t)", "")
            blocks[number] = re.sub(
                r"\(attributes([\d\s]+)\)",
                lambda found: "(attributes" + re.sub(r"\d+", "0", found[1]) + ")",
                block,
            )
    return "".join(blocks)


def placeholder(path: Path) -> bytes:
    """An image of the same size in magenta and black squares, as engines draw a missing texture."""
    width, height = Image.open(path).size
    squares = np.add.outer(np.arange(height) // 8, np.arange(width) // 8) % 2
    pixels = np.where(squares[:, :, None] == 1, (255, 0, 255), (0, 0, 0)).astype(np.uint8)
    return _png(Image.fromarray(pixels))


def transparent(path: Path) -> bytes:
    """A fully transparent image of the same size."""
    return _png(Image.new("RGBA", Image.open(path).size, (0, 0, 0, 0)))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _level(bug: str, place: Place, start: tuple[int, int]) -> str:
    text = (DATA / "levels" / f"{place.level}.stl").read_text("utf-8")
    # A big penguin survives the first touch of an enemy, so that a run lasts as long as its clip.
    added = '(init-script "Tux.add_bonus(\\"grow\\");")'
    if bug == "stack":
        added += "".join(
            f'(snowball (direction "left") (x {start[0] + 250 + 5 * number}) (y {start[1] + 20}))'
            for number in range(9)
        )
    if bug == "camera":
        text = text.replace('(mode "normal")', '(mode "manual")', 1)
    return re.sub(r'\(name "main"\)', lambda found: found[0] + added, text, count=1)

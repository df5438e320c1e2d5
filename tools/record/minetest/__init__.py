"""Minetest Game from Debian: walks through worlds with a fixed seed, with a Lua mod for the bugs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.record.cases import Game, opened
from tools.record.cases import recordings as planned
from tools.record.clips import ClipSet, Recording
from tools.record.screen import NEEDED, Play, Screen, Step, held, require
from tools.record.words.minetest import CASES, LATER

PROGRAM = Path("/usr/games/minetest")
GAME_DATA = Path("/usr/share/games/minetest/games/minetest_game")
MOD = Path(__file__).parent / "scene.lua"
SIZE = (426, 240)
WORLD = "mg_name = v7\nseed = 42\n[end_of_params]\n"
PACE = 0.6
# Seconds of game time from the arrival until the surroundings are drawn.
ARRIVAL_SECONDS = 7.0
SETTINGS = {
    "screen_w": SIZE[0], "screen_h": SIZE[1], "enable_sound": "false", "viewing_range": 70,
    "fps_max": 30, "fps_max_unfocused": 30, "enable_shaders": "false", "hud_scaling": 0.5,
    "keymap_camera_mode": "KEY_F7",
    "font_size": 10, "autojump": "true", "smooth_lighting": "true", "bind_address": "127.0.0.1",
    "enable_update_checker": "false", "fov": 80, "time_speed": 0, "world_start_time": 11000,
    "secure.enable_security": "false", "dedicated_server_step": 0.05, "view_bobbing_amount": 0.5,
    "enable_damage": "false", "enable_weather": "false", "weather": "false",
    "screenshot_path": ".", "chat_log_level": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A biome's nth spot; the nodes that a missing texture affects; the direction of view."""

    name: str
    biome: str
    spot: int
    nodes: tuple[str, ...]
    yaw: float = 0.0


PLACES = {
    "forest": Place(
        "the oak forest", "deciduous_forest", 2, ("default:leaves", "default:aspen_leaves")
    ),
    "desert": Place("the desert", "desert", 1, ("default:desert_sand", "default:cactus")),
    "savanna": Place("the savanna", "savanna", 1, ("default:dry_dirt_with_dry_grass",)),
    "snow": Place(
        "the snow plain", "snowy_grassland", 1, ("default:dirt_with_snow", "default:snow")
    ),
    "pines": Place("the pine wood", "coniferous_forest", 1, ("default:pine_needles",)),
    "jungle": Place("the jungle", "rainforest", 1, ("default:jungleleaves",)),
    "meadow": Place("the meadow", "grassland", 1, ("default:dirt_with_grass",)),
}
TRUNKS = (
    "default:tree",
    "default:jungletree",
    "default:pine_tree",
    "default:acacia_tree",
    "default:aspen_tree",
)
DROPS = (
    "default:cobble",
    "default:apple",
    "default:steel_ingot",
    "default:papyrus",
    "default:torch",
)

BUGS = {
    "unknown": ("nodes drawn as unknown", "missing_texture"),
    "sunk": ("player stands in the ground", "clipping"),
    "hole": ("a block of the terrain is missing", "missing_geometry"),
    "heap": ("dropped items multiply", "spawn_overlap"),
    "crowns": ("tree trunks are not drawn", "floating_object"),
    "hud": ("hotbar and hand are gone", "hud_error"),
}

DIALOGS = {"inventory": opened("i", 2.4, 4.2)}


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The clips of a set. Raises RecorderError when a Debian package is missing."""
    require({**NEEDED, str(PROGRAM): "minetest", str(GAME_DATA): "minetest-data"})
    scenes = {key: place.name for key, place in PLACES.items()}
    return planned(
        Game("Minetest", "minetest", BUGS, scenes, CASES, _run, LATER, DIALOGS), clip_set, seed
    )


def _run(bug: str, where: str, number: int, seconds: float, folder: Path) -> Play:
    place = PLACES[where]
    world = folder / "world"
    mod = world / "worldmods" / "scene"
    mod.mkdir(parents=True)
    (mod / "mod.conf").write_text("name = scene\ndepends = default\n", "utf-8")
    (mod / "init.lua").write_text(_scene(bug, place, number) + MOD.read_text("utf-8"), "utf-8")
    (world / "map_meta.txt").write_text(WORLD, "utf-8")
    (world / "world.mt").write_text(
        "gameid = minetest\nbackend = sqlite3\nauth_backend = sqlite3\nplayer_backend = sqlite3\n"
        "mod_storage_backend = sqlite3\ncreative_mode = false\nenable_damage = false\n",
        "utf-8",
    )
    settings = folder / "minetest.conf"
    settings.write_text("".join(f"{name} = {value}\n" for name, value in SETTINGS.items()), "utf-8")
    command: list[str | Path] = [
        PROGRAM, "--go", "--world", world, "--config", settings, "--gameid", "minetest",
        "--name", "tester", "--logfile", folder / "log",
    ]  # fmt: skip
    first = 0.6 + 0.3 * (number % 3)
    from_behind = bug == "sunk" or (bug != "hud" and number % 4 == 1)
    view = (Step(0.0, ("key", "F7")),) if from_behind else ()
    steps = (*held("w", first, seconds - 0.8), *held("space", first + 1.5, first + 1.8))
    if bug in ("heap", "hole", "hud") or number % 3 == 2:
        steps = (*held("w", first, first + 0.5), *held("d", 3.0, 3.8))
    return Play(
        command,
        SIZE,
        seconds,
        (*view, *steps),
        _Arrived(world),
        {"HOME": str(folder)},
        folder,
        PACE,
    )


class _Arrived:
    """Waits for the mod's signal that the player is in place, then signals that the clip begins."""

    def __init__(self, world: Path) -> None:
        self._world = world

    def __call__(self, screen: Screen) -> bool:
        if not (self._world / "ready").exists():
            return False
        # Without a window manager, nothing gives the window the keyboard focus.
        screen.xdotool("search", "--onlyvisible", "--name", "Minetest", "windowfocus")
        time.sleep(0.5)
        screen.xdotool("key", "F2")  # hides the chat, and shows a message for a while
        time.sleep(2.5 / PACE)
        (self._world / "go").touch()
        return True


def _scene(bug: str, place: Place, number: int) -> str:
    nodes = {"crowns": TRUNKS, "heap": DROPS}.get(bug, place.nodes)
    offset = ((0, 0), (7, -4), (-6, 8), (12, 6))[number % 4]
    # A pile on the ground and a hole are viewed from slightly above.
    pitch = {"heap": 0.4, "hole": 0.45, "sunk": 0.35}.get(bug, 0.12)
    return (
        f"local scene = {{bug = {json.dumps(bug)}, biome = {json.dumps(place.biome)}, "
        f"spot = {place.spot}, nodes = {{{', '.join(map(json.dumps, nodes))}}}, "
        f"offset = {{{offset[0]}, {offset[1]}}}, "
        f"place_yaw = {place.yaw}, yaw = {place.yaw + 0.5 * number}, pitch = {pitch}, turn = {0.35 + 0.1 * (number % 3)}, "
        f"pace = {0.7 + 0.15 * (number % 2)}, wait = {ARRIVAL_SECONDS}}}\n"
    )

"""A run through a level in ViZDoom: a scripted player that walks a route and looks around."""

from __future__ import annotations

import math
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import vizdoom

from tools.record.clips import Frame
from tools.record.doom.level import Level, Point
from tools.record.doom.wad import Change, patch

TICS = 35
"""Game steps a second."""
LOOK_AHEAD = 90.0
"""The player steers at the point of its route this far ahead (map units)."""
TURN_SPEED = 5.0
"""Degrees a tic at most."""
WIDE = vizdoom.ScreenResolution.RES_640X360
NARROW = vizdoom.ScreenResolution.RES_640X480


@dataclass(frozen=True)
class Run:
    """One walk.

    Attributes:
        level: level's name, `E1M1`.
        goal: point that the player walks to.
        seconds: length of the clip.
        seed: selects the start and the route.
        walk: length of the way to the goal, from and to, in map units.
        through: whether the player keeps straight on, into the wall behind the goal.
        wide: 16:9, else 4:3.
        change: the change of the game.
    """

    level: str
    goal: Point
    seconds: float
    seed: int
    walk: tuple[float, float] = (400, 800)
    through: bool = False
    wide: bool = True
    change: Change = field(default_factory=Change)


def find_wad() -> Path:
    """freedoom1.wad: set by FREEDOOM1_WAD, else where Debian's package freedoom installs it."""
    path = Path(os.environ.get("FREEDOOM1_WAD", "/usr/share/games/doom/freedoom1.wad"))
    if not path.exists():
        raise FileNotFoundError(f"{path}: install Debian's freedoom, or set FREEDOOM1_WAD")
    return path


def play(run: Run) -> Iterator[Frame]:
    """Run the game; yields its frames, TICS a second."""
    wad, rng = find_wad(), random.Random(run.seed)
    level = Level(wad, run.level)
    start = rng.choice(level.places_before(run.goal, *run.walk))
    route = level.route(start, run.goal, rng)
    ahead = route[min(6, len(route) - 1)]
    angle = math.degrees(math.atan2(ahead[1] - start[1], ahead[0] - start[0]))
    with tempfile.TemporaryDirectory() as folder:
        patched = Path(folder) / "run.wad"
        patched.write_bytes(patch(wad, run.level, start, angle, route, run.change))
        game = _start(wad, patched, run, folder)
        try:
            yield from _walk(game, route, run, rng)
        finally:
            game.close()


def _start(wad: Path, patched: Path, run: Run, folder: str) -> vizdoom.DoomGame:
    game = vizdoom.DoomGame()
    game.set_doom_game_path(str(wad))
    game.set_doom_scenario_path(str(patched))
    game.set_doom_config_path(f"{folder}/engine.ini")
    game.set_doom_map(run.level)
    game.set_seed(run.seed)
    game.set_screen_resolution(WIDE if run.wide else NARROW)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_window_visible(False)
    game.set_render_hud(run.change.hud)
    game.set_render_weapon(run.change.weapon)
    game.set_render_crosshair(False)
    game.set_available_buttons([vizdoom.Button.MOVE_FORWARD, vizdoom.Button.TURN_LEFT_RIGHT_DELTA])
    game.set_available_game_variables(
        [
            vizdoom.GameVariable.POSITION_X,
            vizdoom.GameVariable.POSITION_Y,
            vizdoom.GameVariable.ANGLE,
        ]
    )
    game.init()
    # The player cannot die and does not wake the monsters: a run shows one thing.
    for command in ("god", "notarget", *run.change.commands):
        game.send_game_command(command)
    return game


def _walk(
    game: vizdoom.DoomGame, route: list[Point], run: Run, rng: random.Random
) -> Iterator[Frame]:
    sway, at = rng.uniform(0, 6), 0
    pace = 1.0 if run.through else rng.uniform(0.55, 0.8)
    owed, stuck = 0.0, 0
    before, arrived = (0.0, 0.0), False
    for tic in range(round(run.seconds * TICS)):
        state = game.get_state()
        if state is None:
            return
        yield state.screen_buffer
        x, y, angle = state.game_variables
        while at < len(route) - 1 and math.dist((x, y), route[at]) < LOOK_AHEAD:
            at += 1
        target = route[at]
        stuck = stuck + 1 if math.dist((x, y), before) < 0.5 else 0
        before = (x, y)
        arrived = (
            arrived
            or (at == len(route) - 1 and math.dist((x, y), target) < LOOK_AHEAD)
            or (stuck > TICS and not run.through)
        )
        if arrived and not run.through:
            # Look around, as testers do when something is wrong.
            turn = 2.2 * math.sin(tic / TICS * 1.1 + sway)
            game.make_action([0, turn])
            continue
        if arrived:
            turn = 0.0
        else:
            wanted = math.degrees(math.atan2(target[1] - y, target[0] - x))
            off = (wanted - angle + 180) % 360 - 180
            # Positive turns to the right in the engine.
            turn = -max(-TURN_SPEED, min(TURN_SPEED, off * 0.2))
            turn += 0.6 * math.sin(tic / 9 + sway)
        owed += pace
        step = int(owed)
        owed -= step
        game.make_action([step, turn])

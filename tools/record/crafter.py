"""Crafter, a tile game seen from above: which walks are recorded, and the bug in each.

A scene is a world (by seed) and a kind of ground to stay on. A bug changes the running game: its
textures, its movement rules, its spawning or its view.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import crafter
import numpy as np
from crafter import constants, objects

from tools.record.clips import ClipSet, Encoding, Frame, Recording, at_fps, numbered
from tools.record.tickets import Bug, Tickets

GAME = "Crafter"
STEPS = 6
"""Game steps a second, about as fast as a player presses keys."""
VIEW, UNIT = (13, 9), 36
"""Tiles of the view, and pixels of a tile."""
MOVES = [constants.actions.index(f"move_{way}") for way in ("left", "right", "up", "down")]
GRASS, SAND, PATH, WATER = "grass", "sand", "path", "water"


@dataclass(frozen=True)
class Scene:
    """A world, and the material that there should be much of around the player."""

    name: str
    world: int
    material: str


@dataclass(frozen=True)
class Change(Bug):
    """A bug, with the function that changes the game."""

    apply: Callable[[crafter.Env], None]


def _lose_texture(name: str) -> Callable[[crafter.Env], None]:
    def apply(env: crafter.Env) -> None:
        env._textures._originals[name] = env._textures._originals["unknown"]
        env._textures._textures.clear()

    return apply


def _hide_player(env: crafter.Env) -> None:
    for way in ("left", "right", "up", "down", "sleep"):
        image = env._textures._originals[f"player-{way}"].copy()
        image[..., 3] = 0
        env._textures._originals[f"player-{way}"] = image
    env._textures._textures.clear()


def _lose_hud(env: crafter.Env) -> None:
    shown = env._item_view
    env._item_view = lambda inventory, unit: np.zeros_like(shown(inventory, unit))


def _walk_anywhere(env: crafter.Env) -> None:
    env._player.is_free = lambda target, materials=None: env._world[target][1] is None


def _endless_night(env: crafter.Env) -> None:
    def update() -> None:
        env._world.daylight = 0.05

    env._update_time = update


def _flood(env: crafter.Env) -> None:
    """Spawning ignores its limit: cows and zombies on every second tile around the player."""
    px, py = env._player.pos
    for x in range(px - 6, px + 7):
        for y in range(py - 4, py + 5):
            if not (0 <= x < env._area[0] and 0 <= y < env._area[1]):
                continue
            ground, thing = env._world[(x, y)]
            free = thing is None and ground != WATER
            if free and env._world.random.uniform() < 0.45:
                env._world.add(objects.Cow(env._world, (x, y)))


def _lag_camera(env: crafter.Env) -> None:
    """The view follows a point far from the player."""
    shown, env_player = env._local_view, env._player

    class Away:
        sleeping = False

        @property
        def pos(self) -> np.ndarray:
            return env_player.pos + np.array([6, 3])

    env._local_view = lambda player, unit: shown(Away(), unit)


BUGS = {
    "ground": Change(
        "the ground's texture is missing", "missing_texture",
        (
            ("Grass shows the placeholder tile in {place}", "The same odd tile everywhere instead of grass."),
            ("Missing tile texture, {place}", "Looks like an unknown-block picture all over the map."),
            ("{place}: terrain not drawn", "Trees and cows are right, the ground under them is not."),
        ),
        _lose_texture("grass"),
    ),
    "hud": Change(
        "inventory bar lost", "hud_error",
        (
            ("Inventory empty and black in {place}", "Health, food and items are not drawn."),
            ("Bottom bar is gone, {place}", "Just black where my health should be."),
            ("{place}: HUD disappears", "No numbers, no icons since the start."),
        ),
        _lose_hud,
    ),
    "ghost": Change(
        "player walks through everything", "no_collision",
        (
            ("Walking on water and through trees in {place}", "Nothing stops the player."),
            ("No collision in {place}", "I stand in the lake, then inside of rock."),
            ("{place}: player clips into stone", "Every tile can be entered."),
        ),
        _walk_anywhere,
    ),
    "night": Change(
        "the night never ends", "lighting_error",
        (
            ("Stuck at night in {place}", "Noise and darkness all day long."),
            ("Day never comes, {place}", "Screen stays dark and grainy."),
            ("{place}: too dark to play", "Brightness does not come back."),
        ),
        _endless_night,
    ),
    "flood": Change(
        "too many cows spawn", "spawn_overlap",
        (
            ("Cows everywhere in {place}", "Dozens of them, one cannot move."),
            ("Spawner out of control, {place}", "The whole screen is cattle."),
            ("{place}: herd of hundreds", "Spawn limit seems to be ignored."),
        ),
        _flood,
    ),
    "camera": Change(
        "camera does not follow the player", "broken_camera",
        (
            ("Camera off centre in {place}", "My character is in the corner of the screen or out of it."),
            ("View follows nobody, {place}", "The player walks at the edge of the picture."),
        ),
        _lag_camera,
    ),
    "invisible": Change(
        "player is invisible", "missing_texture",
        (
            ("My character is not drawn in {place}", "Only the world scrolls, nobody there."),
            ("Invisible player, {place}", "Cannot see where I am."),
        ),
        _hide_player,
    ),
}  # fmt: skip

SCENES: dict[ClipSet, dict[str, Scene]] = {
    "demo": {
        "meadow": Scene("the meadow", 11, GRASS),
        "lake": Scene("the lake shore", 12, WATER),
        "cave": Scene("the caves", 13, PATH),
        "beach": Scene("the beach", 14, SAND),
    },
    "development": {
        "moor": Scene("the moor", 31, GRASS),
        "coast": Scene("the coast", 32, WATER),
        "mine": Scene("the mine", 33, PATH),
    },
}
PLAN: dict[ClipSet, tuple[tuple[str, str, int], ...]] = {
    "demo": (
        ("ground", "meadow", 3), ("hud", "beach", 2), ("ghost", "lake", 3), ("night", "cave", 2),
        ("flood", "meadow", 3), ("camera", "lake", 2),
        *(("", scene, 2) for scene in SCENES["demo"]),
    ),
    "development": (
        ("ground", "moor", 3), ("ground", "coast", 3), ("hud", "mine", 3), ("ghost", "coast", 3),
        ("night", "moor", 3), ("flood", "moor", 3), ("camera", "mine", 3), ("invisible", "coast", 3),
        *(("", scene, 6) for scene in SCENES["development"]),
    ),
}  # fmt: skip
ENCODINGS = (
    (Encoding((468, 324), 24, crf=33, max_kbps=150), "mp4"),
    (Encoding((390, 270), 30, crf=42, codec="vp9", max_kbps=120), "webm"),
    (Encoding((364, 252), 15, crf=34, max_kbps=120), "mov"),
)


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The walks of a set; another seed gives other routes."""
    rng = random.Random(f"crafter {clip_set} {seed}")
    tickets = Tickets(BUGS)
    walks = [(bug, scene, run) for bug, scene, runs in PLAN[clip_set] for run in range(runs)]
    for (bug, where, run), number in numbered(walks, rng):
        scene, known = SCENES[clip_set][where], BUGS.get(bug)
        summary, description = tickets.write(bug, scene.name)
        encoding, suffix = ENCODINGS[(run + number) % len(ENCODINGS)]
        yield Recording(
            file=f"crafter-{number:02d}.{suffix}",
            game=GAME,
            scene=scene.name,
            bug=known.name if known else None,
            bug_type=known.kind if known else None,
            group=f"crafter-{bug}-{where}" if known else None,
            summary=summary,
            description=description,
            encoding=encoding,
            frames=_frames(scene, known, rng.randrange(1 << 30), rng.uniform(5, 8), encoding.fps),
        )


def _frames(
    scene: Scene, bug: Change | None, seed: int, seconds: float, fps: int
) -> Callable[[], Iterator[Frame]]:
    def run() -> Iterator[Frame]:
        return at_fps(_play(scene, bug, seed, seconds), STEPS, fps)

    return run


def _play(scene: Scene, bug: Change | None, seed: int, seconds: float) -> Iterator[Frame]:
    rng = random.Random(seed)
    size = (VIEW[0] * UNIT, VIEW[1] * UNIT)
    env = crafter.Env(area=(64, 64), view=VIEW, size=size, seed=scene.world)
    env.reset()
    env._world.move(env._player, rng.choice(_places(env, scene.material)))
    if bug is not None:
        bug.apply(env)
    way = rng.choice(MOVES)
    for _ in range(round(seconds * STEPS)):
        before = tuple(env._player.pos)
        env._player.health = 9
        picture, *_ = env.step(way)
        yield np.ascontiguousarray(picture)
        if tuple(env._player.pos) == before or rng.random() < 0.15:
            way = rng.choice(MOVES)
        if bug is not None and bug.kind == "no_collision":
            # Testers show where they should have been stopped.
            way = next((each for each in MOVES if _solid_ahead(env, each)), way)


def _solid_ahead(env: crafter.Env, way: int) -> bool:
    dx, dy = {MOVES[0]: (-1, 0), MOVES[1]: (1, 0), MOVES[2]: (0, -1), MOVES[3]: (0, 1)}[way]
    x, y = env._player.pos
    ground, holder = env._world[(x + dx, y + dy)]
    return holder is None and ground is not None and ground not in constants.walkable


def _places(env: crafter.Env, material: str) -> list[tuple[int, int]]:
    """Walkable tiles with much of a material around them: the fortieth with the most."""
    scored = []
    for x in range(8, 56):
        for y in range(6, 58):
            ground, holder = env._world[(x, y)]
            if ground in constants.walkable and holder is None:
                around = [
                    env._world[(x + dx, y + dy)][0] for dx in range(-6, 7) for dy in range(-3, 4)
                ]
                scored.append((around.count(material), (x, y)))
    scored.sort(reverse=True)
    return [place for _, place in scored[: max(10, len(scored) // 40)]]

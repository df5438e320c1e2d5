"""Freedoom: Phase 1 in ViZDoom: which walks are recorded, and the bug in each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.record.clips import ClipSet, Encoding, Frame, Recording, at_fps, numbered
from tools.record.doom.actors import FLOATING, GHOSTS, GIANT
from tools.record.doom.level import Point
from tools.record.doom.play import TICS, Run, play
from tools.record.doom.wad import Change
from tools.record.tickets import Bug, Tickets

GAME = "Freedoom"
SHOTGUN_GUY, IMP, DEMON, ZOMBIE = 9, 3001, 3002, 3004


@dataclass(frozen=True)
class Scene:
    """A place of a level that the player walks to."""

    level: str
    name: str
    goal: Point


BUGS = {
    "torn": Bug(
        "walls without textures", "missing_texture",
        (
            ("Checkerboard walls in {place}", "All walls around me are white and grey squares."),
            ("Textures missing in {place}", "Walls show the placeholder pattern, floor and sky are fine."),
            ("{place}: walls are untextured", "Grey chequered surfaces instead of metal panels."),
            ("Placeholder material on walls, {place}", "Looks like the texture did not load."),
        ),
    ),
    "dark": Bug(
        "lights out", "lighting_error",
        (
            ("{place} is nearly black", "The light goes out when one walks in, only outlines left."),
            ("No lighting in {place}", "Could not see a thing, the status bar is still bright."),
            ("Room goes dark, {place}", "Brightness setting changes nothing."),
        ),
    ),
    "crowd": Bug(
        "monsters spawned into each other", "spawn_overlap",
        (
            ("Enemies spawn inside each other in {place}", "Five or six of them in one spot, limbs everywhere."),
            ("Heap of monsters in {place}", "They stand in one another and do not move apart."),
            ("{place}: overlapping enemies", "An imp sticks in a demon, and soldiers in both."),
        ),
    ),
    "floating": Bug(
        "monsters hang under the ceiling", "floating_object",
        (
            ("Enemies float in the air in {place}", "They hang under the ceiling instead of standing."),
            ("Monsters stuck to the ceiling, {place}", "Look up: soldiers and imps in mid-air."),
            ("{place}: flying zombies", "They should not be able to fly."),
        ),
    ),
    "giant": Bug(
        "monsters three times their size", "wrong_scale",
        (
            ("Giant imp in {place}", "The enemies are as high as the building."),
            ("Enemy scale is wrong in {place}", "Three times too large, their feet fill the screen."),
            ("{place}: monsters way too big", "Sprites look blown up, one sees single pixels."),
        ),
    ),
    "chase": Bug(
        "camera stuck behind the player", "broken_camera",
        (
            ("Camera leaves the player's head in {place}", "I see my own marine from behind, no gun."),
            ("Stuck in third person, {place}", "The view hangs behind the character and clips the walls."),
            ("{place}: wrong camera", "First person view is gone, my own back is in the way."),
        ),
    ),
    "noclip": Bug(
        "player walks through walls", "no_collision",
        (
            ("Walked straight through the wall in {place}", "No collision, I end up outside of the level."),
            ("{place}: no wall collision", "One can leave the map, everything smears."),
            ("Fell out of the level at {place}", "The wall let me through, then a hall of mirrors."),
        ),
    ),
    "hud": Bug(
        "status bar and weapon lost", "hud_error",
        (
            ("HUD gone in {place}", "No health, no ammo, and no gun in my hands."),
            ("Status bar and weapon invisible, {place}", "They vanish on load and stay away."),
            ("{place}: whole interface missing", "Only the world is drawn."),
        ),
    ),
}  # fmt: skip

SCENES: dict[ClipSet, dict[str, Scene]] = {
    "demo": {
        "yard": Scene("E1M1", "the landing yard of E1M1", (260.0, -12.0)),
        "hall": Scene("E1M1", "the striped hall of E1M1", (1004.0, 348.0)),
        "pool": Scene("E1M2", "the blue basin of E1M2", (812.0, -356.0)),
        "court": Scene("E1M6", "the brown court of E1M6", (-116.0, 628.0)),
        "garden": Scene("E4M1", "the night garden of E4M1", (-36.0, -916.0)),
        "chapel": Scene("E3M1", "the red chapel of E3M1", (-324.0, 364.0)),
    },
    "development": {
        "field": Scene("E2M1", "the rock field of E2M1", (-276.0, 476.0)),
        "depot": Scene("E2M3", "the depot of E2M3", (12.0, -324.0)),
        "annex": Scene("E1M5", "the grey annex of E1M5", (-60.0, 28.0)),
        "vault": Scene("E3M2", "the mossy vault of E3M2", (-236.0, -116.0)),
    },
}
# (bug, scene, runs); the empty bug is none.
PLAN: dict[ClipSet, tuple[tuple[str, str, int], ...]] = {
    "demo": (
        ("torn", "hall", 3), ("dark", "court", 3), ("crowd", "pool", 3), ("floating", "yard", 3),
        ("giant", "garden", 2), ("chase", "court", 2), ("noclip", "chapel", 3), ("hud", "pool", 2),
        *(("", scene, 2) for scene in SCENES["demo"]),
    ),
    "development": (
        ("torn", "field", 4), ("torn", "vault", 3), ("dark", "annex", 3), ("crowd", "depot", 3),
        ("floating", "field", 3), ("giant", "vault", 3), ("chase", "depot", 3),
        ("noclip", "annex", 4), ("hud", "field", 3), ("giant", "annex", 2),
        *(("", scene, 5) for scene in SCENES["development"]),
    ),
}  # fmt: skip

ENCODINGS = (
    (Encoding((480, 270), 25, crf=33, max_kbps=115), "mp4"),
    (Encoding((426, 240), 30, crf=36, max_kbps=110), "webm"),
    (Encoding((384, 288), 20, crf=33, max_kbps=150), "mp4"),
    (Encoding((400, 226), 30, crf=35, max_kbps=140), "mkv"),
)


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The walks of a set; another seed gives other routes."""
    rng = random.Random(f"doom {clip_set} {seed}")
    tickets = Tickets(BUGS)
    walks = [(bug, scene, run) for bug, scene, runs in PLAN[clip_set] for run in range(runs)]
    for (bug, where, run), number in numbered(walks, rng):
        scene = SCENES[clip_set][where]
        summary, description = tickets.write(bug, scene.name)
        encoding, suffix = ENCODINGS[(run + number) % len(ENCODINGS)]
        if encoding.codec == "h264" and suffix == "webm":
            encoding = Encoding(
                encoding.size, encoding.fps, encoding.crf + 8, "vp9", encoding.max_kbps
            )
        known = BUGS.get(bug)
        walk = Run(
            level=scene.level,
            goal=scene.goal,
            seconds=rng.uniform(5, 8),
            seed=rng.randrange(1 << 30),
            walk=(150, 300) if bug == "noclip" else (300, 650),
            through=bug == "noclip",
            wide=encoding.size[0] / encoding.size[1] > 1.5,
            change=_change(bug, scene.goal, rng),
        )
        yield Recording(
            file=f"freedoom-{number:02d}.{suffix}",
            game=GAME,
            scene=scene.name,
            bug=known.name if known else None,
            bug_type=known.kind if known else None,
            group=f"freedoom-{bug}-{where}" if known else None,
            summary=summary,
            description=description,
            encoding=encoding,
            frames=_frames(walk, encoding.fps),
        )


def _frames(walk: Run, fps: int) -> Callable[[], Iterator[Frame]]:
    def run() -> Iterator[Frame]:
        return at_fps(play(walk), TICS, fps)

    return run


def _change(bug: str, goal: Point, rng: random.Random) -> Change:
    match bug:
        case "torn":
            return Change(torn_near=(goal, 700))
        case "dark":
            return Change(dark_near=(goal, 380))
        case "crowd":
            return Change(
                things=_ring(goal, (IMP, ZOMBIE, SHOTGUN_GUY, DEMON, IMP, ZOMBIE), 14, rng),
                decorate=GHOSTS,
            )
        case "floating":
            return Change(
                things=_ring(goal, (IMP, ZOMBIE, SHOTGUN_GUY, DEMON, ZOMBIE, IMP), 130, rng),
                decorate=FLOATING,
            )
        case "giant":
            return Change(
                things=_ring(goal, (IMP, SHOTGUN_GUY, DEMON, ZOMBIE), 230, rng), decorate=GIANT
            )
        case "chase":
            return Change(commands=("chase",))
        case "noclip":
            return Change(commands=("noclip",))
        case "hud":
            return Change(hud=False, weapon=False)
    return Change()


def _ring(
    centre: Point, kinds: tuple[int, ...], radius: float, rng: random.Random
) -> tuple[tuple[Point, int], ...]:
    turn = rng.uniform(0, 2 * math.pi)
    step = 2 * math.pi / len(kinds)
    return tuple(
        (
            (
                centre[0] + radius * math.cos(turn + number * step),
                centre[1] + radius * math.sin(turn + number * step),
            ),
            kind,
        )
        for number, kind in enumerate(kinds)
    )

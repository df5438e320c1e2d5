"""Three small games on MuJoCo: which runs are recorded, from which camera, and the bug in each."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("MUJOCO_GL", "osmesa")  # no display and no GPU needed

import mujoco

from tools.record.clips import ClipSet, Encoding, Frame, Recording, numbered
from tools.record.mujoco.worlds import Driver, Look, crates, figure, truck
from tools.record.tickets import Bug, Tickets


@dataclass(frozen=True)
class Game:
    """A game, what its camera follows, and from how far."""

    name: str
    world: Callable[[Look, str, random.Random], tuple[str, Driver]]
    follow: str | None
    distance: float
    elevation: tuple[float, float]
    bugs: dict[str, Bug]


GAMES = {
    "truck": Game(
        "Truck Town", truck, "truck", 8.0, (-38, -22),
        {
            "sink": Bug("truck sinks into the road", "no_collision", (
                ("Truck sinks into the road in {place}", "It goes down slowly until only the roof looks out."),
                ("Falling through the ground, {place}", "The vehicle drops into the floor while driving."),
                ("{place}: no ground collision for the truck", "Wheels and then cabin vanish in the street."),
            )),
            "launch": Bug("truck is thrown into the air", "physics_explosion", (
                ("Truck flies off at a kerb in {place}", "Touch the kerb and it spins through the air."),
                ("Car launched into the sky, {place}", "A small bump throws it over the houses."),
                ("{place}: physics goes mad on contact", "The truck jumps and tumbles."),
            )),
            "wall": Bug("truck drives through a house", "clipping", (
                ("Truck drives into a house in {place}", "It goes right through the wall and stays inside."),
                ("Building without collision, {place}", "The car sticks in the wall."),
                ("{place}: vehicle inside the wall", "Half of it looks out of the house."),
            )),
            "wheels": Bug("wheels are not drawn", "missing_part", (
                ("Wheels missing in {place}", "The truck hovers, no wheels at all."),
                ("Truck without wheels, {place}", "They turn, says the debugger, but one sees none."),
            )),
        },
    ),
    "figure": Game(
        "Plaza", figure, None, 6.0, (-32, -14),
        {
            "tpose": Bug("people glide in T-pose", "t_pose", (
                ("T-pose on {place}", "Everybody glides with arms stretched out."),
                ("No animation on {place}", "NPCs stand like scarecrows and slide along."),
                ("{place}: characters in bind pose", "Arms out, legs still, they move anyway."),
            )),
            "sunk": Bug("people stuck in the ground", "stuck_in_terrain", (
                ("NPCs waist-deep in the floor, {place}", "One sees only the upper bodies walking."),
                ("People half under the ground on {place}", "Legs are below the pavement."),
            )),
            "twisted": Bug("limbs are twisted", "twisted_pose", (
                ("Limbs bent the wrong way on {place}", "Knees and elbows turn into knots."),
                ("Contorted NPCs, {place}", "Arms through the body, legs over the head."),
                ("{place}: broken skeletons", "Joints have no limits any more."),
            )),
            "floating": Bug("people walk in the air", "floating_object", (
                ("NPCs walk a metre above {place}", "Their shadows are far below them."),
                ("Floating people, {place}", "They do not touch the ground."),
            )),
        },
    ),
    "crates": Game(
        "Crate Works", crates, None, 8.0, (-32, -14),
        {
            "merge": Bug("crates fall into each other", "clipping", (
                ("Crates merge into one in {place}", "The pile collapses into itself."),
                ("Boxes inside of boxes, {place}", "No collision between crates, surfaces flicker."),
                ("{place}: stacked crates sink into each other", "Eight became one."),
            )),
            "weightless": Bug("crates float away", "floating_object", (
                ("Crates hover in {place}", "Hit by the ball they drift through the room."),
                ("No gravity on boxes, {place}", "They rise and turn slowly in the air."),
                ("{place}: flying crates", "Like on the moon, without the moon."),
            )),
            "blast": Bug("crates burst apart", "physics_explosion", (
                ("Crate piles explode in {place}", "At the start all boxes shoot away."),
                ("Boxes jump apart, {place}", "Piles burst without being touched."),
                ("{place}: physics explosion", "Crates fly over the walls."),
            )),
        },
    ),
}  # fmt: skip

GREY = (".55 .5 .45 1", ".7 .3 .25 1", ".3 .45 .6 1", ".75 .7 .55 1")
BRIGHT = (".85 .35 .2 1", ".25 .6 .4 1", ".9 .75 .3 1", ".35 .35 .6 1")
PALE = (".8 .75 .7 1", ".55 .65 .7 1", ".7 .5 .55 1", ".45 .5 .4 1")
LOOKS = {
    "town": Look(".45 .65 .9", ".85 .9 .95", ".32 .33 .35", ".36 .37 .39", GREY),
    "desert": Look(".95 .7 .45", ".98 .9 .7", ".8 .65 .4", ".76 .6 .37", BRIGHT),
    "square": Look(".6 .75 .95", ".9 .9 .9", ".7 .68 .64", ".6 .58 .55", BRIGHT),
    "snow": Look(".75 .8 .88", ".95 .95 .98", ".92 .94 .97", ".85 .88 .92", PALE),
    "store": Look(".2 .2 .25", ".4 .4 .45", ".5 .48 .45", ".44 .42 .4", GREY),
    "harbour": Look(".3 .5 .7", ".7 .8 .85", ".35 .45 .45", ".3 .4 .4", PALE),
}
PLACES = {
    "town": "the old town", "desert": "the desert village", "square": "the market square",
    "snow": "the snowy square", "store": "the warehouse", "harbour": "the harbour hall",
}  # fmt: skip
PLAN: dict[ClipSet, tuple[tuple[str, str, str, int], ...]] = {
    "demo": (
        ("truck", "sink", "town", 3), ("truck", "launch", "desert", 3), ("truck", "wall", "town", 2),
        ("figure", "tpose", "square", 3), ("figure", "sunk", "square", 2),
        ("figure", "twisted", "snow", 3), ("crates", "merge", "store", 3),
        ("crates", "weightless", "store", 3),
        ("truck", "", "town", 2), ("truck", "", "desert", 2), ("figure", "", "square", 2),
        ("figure", "", "snow", 2), ("crates", "", "store", 3),
    ),
    "development": (
        ("truck", "sink", "desert", 3), ("truck", "wheels", "town", 3), ("truck", "wall", "desert", 3),
        ("figure", "floating", "square", 3), ("figure", "tpose", "snow", 3),
        ("figure", "sunk", "snow", 3), ("crates", "blast", "harbour", 3),
        ("crates", "weightless", "harbour", 3), ("crates", "merge", "harbour", 3),
        ("truck", "", "town", 4), ("truck", "", "desert", 4), ("figure", "", "square", 4),
        ("figure", "", "snow", 4), ("crates", "", "harbour", 6),
    ),
}  # fmt: skip
ENCODINGS = (
    (Encoding((480, 270), 25, crf=32, max_kbps=140), "mp4"),
    (Encoding((426, 240), 30, crf=42, codec="vp9", max_kbps=120), "webm"),
    (Encoding((360, 270), 24, crf=33, max_kbps=120), "mkv"),
    (Encoding((270, 480), 24, crf=34, max_kbps=120), "mp4"),
)


def recordings(clip_set: ClipSet, seed: int) -> Iterator[Recording]:
    """The runs of a set; another seed gives other runs."""
    rng = random.Random(f"mujoco {clip_set} {seed}")
    tickets = Tickets({name: bug for game in GAMES.values() for name, bug in game.bugs.items()})
    runs = [(*what, run) for *what, count in PLAN[clip_set] for run in range(count)]
    for (game_id, bug, where, run), number in numbered(runs, rng):
        game = GAMES[game_id]
        known = game.bugs.get(bug)
        summary, description = tickets.write(bug, PLACES[where])
        encoding, suffix = ENCODINGS[(run + number) % len(ENCODINGS)]
        yield Recording(
            file=f"physics-{number:02d}.{suffix}",
            game=game.name,
            scene=PLACES[where],
            bug=known.name if known else None,
            bug_type=known.kind if known else None,
            group=f"{game_id}-{bug}-{where}" if known else None,
            summary=summary,
            description=description,
            encoding=encoding,
            frames=_frames(
                game, bug, where, rng.randrange(1 << 30), rng.uniform(4.5, 6.5), encoding
            ),
        )


def _frames(
    game: Game, bug: str, where: str, seed: int, seconds: float, encoding: Encoding
) -> Callable[[], Iterator[Frame]]:
    def run() -> Iterator[Frame]:
        rng = random.Random(seed)
        xml, drive = game.world(LOOKS[where], bug, rng)
        return _play(game, xml, drive, rng, seconds, encoding)

    return run


def _play(
    game: Game, xml: str, drive: Driver, rng: random.Random, seconds: float, encoding: Encoding
) -> Iterator[Frame]:
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    camera = mujoco.MjvCamera()
    camera.distance = game.distance * rng.uniform(0.8, 1.25)
    camera.azimuth, camera.elevation = rng.uniform(30, 150), rng.uniform(*game.elevation)
    pan = rng.uniform(-9, 9)
    width, height = encoding.size
    with mujoco.Renderer(model, height, width) as renderer:
        for number in range(round(seconds * encoding.fps)):
            while data.time < number / encoding.fps:
                drive(model, data)
                mujoco.mj_step(model, data)
            target = data.body(game.follow).xpos if game.follow else (0.0, 0.0, 0.8)
            # The camera follows with some inertia, at a steady height.
            camera.lookat[:] = (target[0], target[1], 0.8)
            camera.azimuth += pan / encoding.fps
            renderer.update_scene(data, camera)
            yield renderer.render().copy()

"""A changed level of the game: the patch file (PWAD) that the engine loads over its own data.

Formats: "The Unofficial Doom Specs" 1.666, chapters 2 and 4.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.record.doom.level import PLAYER_START, Point, read_lumps

SIDE = "<hh8s8s8sh"
SECTOR = "<hh8s8shhh"
THING = "<hhhhh"
ALL_SKILLS = 7
DARK = 30
"""Light level, of 255, at which only outlines are visible."""
PLAYER_STARTS = frozenset({1, 2, 3, 4})
MONSTERS = frozenset({9, 58, 3001, 3002, 3003, 3004, 3005, 3006})
"""Thing types of the monsters of the first levels."""


@dataclass(frozen=True)
class Change:
    """What one run changes in the game.

    Attributes:
        torn_near: point and radius within which walls lose their textures (the engine gets a name
            that has no image).
        dark_near: point and radius within which every sector's light is switched off.
        things: added things as (point, type); with `crowd` they may overlap.
        decorate: actor definitions in ZDoom's DECORATE language.
        commands: console commands run at the start.
        weapon: whether the player's weapon is drawn.
        hud: whether the status bar is drawn.
    """

    torn_near: tuple[Point, float] | None = None
    dark_near: tuple[Point, float] | None = None
    things: tuple[tuple[Point, int], ...] = ()
    decorate: str = ""
    commands: tuple[str, ...] = ()
    weapon: bool = True
    hud: bool = True


def patch(
    wad: Path, level: str, start: Point, angle: float, route: Sequence[Point], change: Change
) -> bytes:
    """One level with its player start moved (angle in degrees) and `change` applied, as a PWAD.

    Monsters on the player's route are removed: they would stop its walk.
    """
    lumps = read_lumps(wad, level)
    sides = list(struct.iter_unpack(SIDE, lumps["SIDEDEFS"]))
    sectors = [list(sector) for sector in struct.iter_unpack(SECTOR, lumps["SECTORS"])]
    for near, apply in ((change.torn_near, _tear), (change.dark_near, _darken)):
        if near is not None:
            apply(lumps, near, sides, sectors)
    lumps["SIDEDEFS"] = b"".join(struct.pack(SIDE, *side) for side in sides)
    lumps["SECTORS"] = b"".join(struct.pack(SECTOR, *sector) for sector in sectors)
    things = [
        thing
        for thing in struct.iter_unpack(THING, lumps["THINGS"])
        if thing[3] not in PLAYER_STARTS and not (thing[3] in MONSTERS and _on(route, thing))
    ]
    things.append((round(start[0]), round(start[1]), round(angle) % 360, PLAYER_START, ALL_SKILLS))
    things += [(round(x), round(y), 0, kind, ALL_SKILLS) for (x, y), kind in change.things]
    lumps["THINGS"] = b"".join(struct.pack(THING, *thing) for thing in things)
    named = [(level, b""), *lumps.items()]
    if change.decorate:
        named.append(("DECORATE", change.decorate.encode("ascii")))
    return _pack(named)


def _tear(
    lumps: dict[str, bytes],
    near: tuple[Point, float],
    sides: list[tuple[int, int, bytes, bytes, bytes, int]],
    _sectors: list[list[object]],
) -> None:
    """Give the walls around a point a texture that does not exist."""
    vertices = list(struct.iter_unpack("<hh", lumps["VERTEXES"]))
    for a, b, _, _, _, *faces in struct.iter_unpack("<HHHHHHH", lumps["LINEDEFS"]):
        if not _within(vertices[a], near) and not _within(vertices[b], near):
            continue
        for face in faces:
            if face != 0xFFFF:
                x, y, *names, sector = sides[face]
                torn = [name if name[:1] == b"-" else b"LOSTTEX\0" for name in names]
                sides[face] = (x, y, torn[0], torn[1], torn[2], sector)


def _darken(
    lumps: dict[str, bytes],
    near: tuple[Point, float],
    sides: list[tuple[int, int, bytes, bytes, bytes, int]],
    sectors: list[list[object]],
) -> None:
    """Switch off the light of every sector around a point."""
    vertices = list(struct.iter_unpack("<hh", lumps["VERTEXES"]))
    for a, _, _, _, _, *faces in struct.iter_unpack("<HHHHHHH", lumps["LINEDEFS"]):
        if _within(vertices[a], near):
            for face in faces:
                if face != 0xFFFF:
                    sectors[sides[face][5]][4] = DARK


def _on(route: Sequence[Point], thing: Sequence[int]) -> bool:
    return any(_within(thing, (point, 80.0)) for point in route)


def _within(point: Sequence[float], near: tuple[Point, float]) -> bool:
    (x, y), radius = near
    return (point[0] - x) ** 2 + (point[1] - y) ** 2 <= radius**2


def _pack(lumps: list[tuple[str, bytes]]) -> bytes:
    """Named lumps in their order → a PWAD file."""
    body, directory, position = b"", b"", 12
    for name, data in lumps:
        directory += struct.pack("<ii8s", position, len(data), name.encode("ascii"))
        body += data
        position += len(data)
    return struct.pack("<4sii", b"PWAD", len(lumps), position) + body + directory

"""A Doom level read from its WAD: where the player can walk, and the textures of the walls.

Formats: "The Unofficial Doom Specs" 1.666, chapters 2 and 4 (WAD directory; THINGS, LINEDEFS,
SIDEDEFS, VERTEXES, SECTORS). Lengths are map units: the player is 32 wide and 56 tall.
"""

from __future__ import annotations

import heapq
import math
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

CELL = 24
"""Side of a navigation cell: finer than the player, so that doorways stay open."""
CLEARANCE = 20.0
"""How far the player's centre keeps from walls: its radius of 16 and some slack."""
STEP_UP = 24
"""The highest step the engine lets the player climb."""
PLAYER_HEIGHT = 56
LINE_BLOCKS = 1
"""Linedef flag "blocks players and monsters"."""
DECORATION_TYPES = frozenset(
    {25, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 37, 41, 42, 43, 44, 45, 46, 47, 48, 54, 55, 56,
     57, 70, 2028, 2035}
)  # fmt: skip
"""Thing types of the solid decorations (pillars, torches, trees, barrels)."""
DECORATION_CLEARANCE = 40.0
PLAYER_START = 1


class NoRouteError(RuntimeError):
    """There is no way to walk between two places of a level."""


@dataclass(frozen=True)
class Line:
    """One wall or sector border: its ends, its flags and its sides (sector, textures)."""

    start: Point
    end: Point
    flags: int
    front: int | None
    back: int | None

    @property
    def middle(self) -> Point:
        """The point halfway along the line."""
        return ((self.start[0] + self.end[0]) / 2, (self.start[1] + self.end[1]) / 2)


@dataclass(frozen=True)
class Side:
    """One side of a line: the sector it faces and its upper, lower and middle texture."""

    sector: int
    upper: str
    lower: str
    middle: str


def read_lumps(wad: Path, level: str) -> dict[str, bytes]:
    """Read the lumps of one level, by name.

    Raises:
        KeyError: the WAD has no such level.
    """
    data = wad.read_bytes()
    count, directory = struct.unpack_from("<ii", data, 4)
    entries = [
        (name.rstrip(b"\0").decode("ascii", "replace"), position, size)
        for position, size, name in struct.iter_unpack(
            "<ii8s", data[directory : directory + 16 * count]
        )
    ]
    names = [name for name, _, _ in entries]
    if level not in names:
        raise KeyError(f"{wad.name} has no level {level}")
    first = names.index(level) + 1
    return {
        name: data[position : position + size]
        for name, position, size in entries[first : first + 10]
    }


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii").upper()


class Level:
    """Geometry of one level, with a grid to find walkable routes on."""

    def __init__(self, wad: Path, name: str) -> None:
        lumps = read_lumps(wad, name)
        self.name = name
        vertices: list[Point] = [
            (float(x), float(y)) for x, y in struct.iter_unpack("<hh", lumps["VERTEXES"])
        ]
        self.sectors: list[tuple[int, int]] = [
            (floor, ceiling)
            for floor, ceiling, *_ in struct.iter_unpack("<hh8s8shhh", lumps["SECTORS"])
        ]
        self.sides = [
            Side(sector, _text(upper), _text(lower), _text(middle))
            for _, _, upper, lower, middle, sector in struct.iter_unpack(
                "<hh8s8s8sh", lumps["SIDEDEFS"]
            )
        ]
        self.lines = [
            Line(vertices[a], vertices[b], flags, *(s if s != 0xFFFF else None for s in (f, k)))
            for a, b, flags, _, _, f, k in struct.iter_unpack("<HHHHHHH", lumps["LINEDEFS"])
        ]
        self.things: list[tuple[Point, int]] = [
            ((float(x), float(y)), kind)
            for x, y, _, kind, _ in struct.iter_unpack("<hhhhh", lumps["THINGS"])
        ]
        self.start = next(point for point, kind in self.things if kind == PLAYER_START)
        self._make_grid(vertices)

    def _rise(self, line: Line, leaving: int | None, entering: int | None) -> int | None:
        """How far the player must step up to cross a line; None if it cannot pass."""
        if leaving is None or entering is None or line.flags & LINE_BLOCKS:
            return None
        here, there = (self.sectors[self.sides[side].sector] for side in (leaving, entering))
        if min(here[1], there[1]) - max(here[0], there[0]) < PLAYER_HEIGHT:
            return None
        return there[0] - here[0]

    def _make_grid(self, vertices: list[Point]) -> None:
        xs, ys = zip(*vertices, strict=True)
        self._origin = (min(xs), min(ys))
        shape = (int((max(xs) - min(xs)) / CELL) + 2, int((max(ys) - min(ys)) / CELL) + 2)
        self._free = np.ones(shape, dtype=np.bool_)
        # (cell, next cell) pairs that a ledge keeps the player from taking
        self._ledges: set[tuple[tuple[int, int], tuple[int, int]]] = set()
        for line in self.lines:
            up = self._rise(line, line.front, line.back)
            down = self._rise(line, line.back, line.front)
            if up is None or down is None:
                self._block(line.start, line.end, CLEARANCE)
            elif up > STEP_UP or down > STEP_UP:
                self._add_ledge(line, up > STEP_UP)
        for point, kind in self.things:
            if kind in DECORATION_TYPES:
                self._block(point, point, DECORATION_CLEARANCE)

    def _window(self, start: Point, end: Point, margin: float) -> tuple[slice, slice]:
        def cell(axis: int, edge: float) -> int:
            return int((edge - self._origin[axis]) / CELL)

        return tuple(
            slice(
                max(cell(axis, min(start[axis], end[axis]) - margin), 0),
                cell(axis, max(start[axis], end[axis]) + margin) + 2,
            )
            for axis in (0, 1)
        )  # type: ignore[return-value]

    def _block(self, start: Point, end: Point, clearance: float) -> None:
        window = self._window(start, end, clearance)
        columns, rows = np.mgrid[
            window[0].start : min(window[0].stop, self._free.shape[0]),
            window[1].start : min(window[1].stop, self._free.shape[1]),
        ]
        x = self._origin[0] + (columns + 0.5) * CELL
        y = self._origin[1] + (rows + 0.5) * CELL
        self._free[window] &= _distance(x, y, start, end) >= clearance

    def _add_ledge(self, line: Line, from_front: bool) -> None:
        window = self._window(line.start, line.end, CELL)
        for column in range(window[0].start, min(window[0].stop, self._free.shape[0] - 1)):
            for row in range(window[1].start, min(window[1].stop, self._free.shape[1] - 1)):
                for other in ((column + 1, row), (column, row + 1)):
                    a, b = self._centre((column, row)), self._centre(other)
                    if _cross(a, b, line.start, line.end):
                        # Doom's front side is to the right of the line's direction.
                        in_front = _side(a, line.start, line.end) < 0
                        pair = ((column, row), other)
                        self._ledges.add(pair if in_front == from_front else pair[::-1])

    def _centre(self, cell: tuple[int, int]) -> Point:
        return (
            self._origin[0] + (cell[0] + 0.5) * CELL,
            self._origin[1] + (cell[1] + 0.5) * CELL,
        )

    def _nearest_free(self, point: Point) -> tuple[int, int]:
        cells = np.argwhere(self._free)
        target = (np.array(point) - self._origin) / CELL - 0.5
        column, row = cells[np.argmin(((cells - target) ** 2).sum(axis=1))]
        return int(column), int(row)

    def _steps(self, cell: tuple[int, int]) -> Iterator[tuple[int, int]]:
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            other = (cell[0] + dx, cell[1] + dy)
            inside = all(0 <= at < most for at, most in zip(other, self._free.shape, strict=True))
            if inside and self._free[other] and (cell, other) not in self._ledges:
                yield other

    def route(self, start: Point, goal: Point, rng: random.Random) -> list[Point]:
        """Find a walkable route, not always the shortest: each cell's cost is random per call.

        Raises:
            NoRouteError: no route without opening doors or using lifts.
        """
        first, last = self._nearest_free(start), self._nearest_free(goal)
        came: dict[tuple[int, int], tuple[int, int]] = {}
        best = {first: 0.0}
        weight: dict[tuple[int, int], float] = {}
        queue = [(0.0, first)]
        while queue:
            cost, cell = heapq.heappop(queue)
            if cell == last:
                break
            if cost > best[cell]:
                continue
            for other in self._steps(cell):
                # Patches of four cells share a cost, so that routes bend rather than jitter.
                patch = (other[0] // 4, other[1] // 4)
                price = cost + weight.setdefault(patch, rng.uniform(1.0, 2.5))
                if price < best.get(other, math.inf):
                    best[other], came[other] = price, cell
                    heapq.heappush(queue, (price, other))
        if last not in best:
            raise NoRouteError(f"{self.name}: no walkable route from {start} to {goal}")
        cells = [last]
        while cells[-1] != first:
            cells.append(came[cells[-1]])
        return [self._centre(cell) for cell in reversed(cells)]

    def places_before(self, goal: Point, near: float, far: float) -> list[Point]:
        """List the places from which a walk of `near` to `far` map units leads to `goal`.

        Ledges count as walls here, so that the player can also walk back to each place.
        """
        first = self._nearest_free(goal)
        distance = {first: 0}
        frontier = [first]
        for cell in frontier:
            for other in self._steps(cell):
                if other not in distance and (other, cell) not in self._ledges:
                    distance[other] = distance[cell] + CELL
                    frontier.append(other)
        return [self._centre(cell) for cell, walk in distance.items() if near <= walk <= far]

    def wall_ahead(self, eye: Point, target: Point) -> Line | None:
        """Find the first line that the view from `eye` through `target` meets and cannot pass."""
        length = math.dist(eye, target) or 1.0
        end = tuple(a + (b - a) * 2048 / length for a, b in zip(eye, target, strict=True))
        met = [
            (_along(eye, (end[0], end[1]), line.start, line.end), index)
            for index, line in enumerate(self.lines)
            if (line.front is None or line.back is None)
            and _cross(eye, (end[0], end[1]), line.start, line.end)
        ]
        return self.lines[min(met)[1]] if met else None


def _distance(
    x: NDArray[np.float64], y: NDArray[np.float64], start: Point, end: Point
) -> NDArray[np.float64]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    at = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / length, 0, 1) if length else 0.0
    return np.asarray(np.hypot(x - (start[0] + at * dx), y - (start[1] + at * dy)))


def _side(point: Point, start: Point, end: Point) -> float:
    """Positive to the left of the direction from start to end, negative to its right."""
    across = (end[0] - start[0]) * (point[1] - start[1])
    return across - (end[1] - start[1]) * (point[0] - start[0])


def _cross(a: Point, b: Point, start: Point, end: Point) -> bool:
    split = _side(a, start, end) * _side(b, start, end) < 0
    return split and _side(start, a, b) * _side(end, a, b) <= 0


def _along(a: Point, b: Point, start: Point, end: Point) -> float:
    """How far from a to b, as a fraction, the line from start to end is met."""
    near, far = _side(a, start, end), _side(b, start, end)
    return near / (near - far)

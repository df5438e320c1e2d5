"""Random changes of bytes, for targets without coverage guidance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# Numbers at the limits of 8, 16, 32 and 64 bits.
EDGES = [
    number.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for number in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
    for order in ("big", "little")
]
LONGEST = 100_000  # bytes


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Make one to six random changes; parts may come from `others`."""
    for _ in range(chance.randint(1, 6)):
        change = chance.choice(CHANGES)
        data = change(data or b"\0", chance, others)[:LONGEST]
    return data


Change = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def _flip(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _edge(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at, edge = chance.randrange(len(data)), chance.choice(EDGES)
    return data[:at] + edge + data[at + len(edge) :]


def _cut(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:first] + data[last:]


def _repeat(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first:last] * chance.randint(1, 20) + data[last:]


def _splice(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    at, first = chance.randrange(len(data) + 1), chance.randrange(len(other) + 1)
    return data[:at] + other[first : first + 4096] + data[at:]


def _noise(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randint(1, 30)) + data[at:]


CHANGES: tuple[Change, ...] = (_flip, _edge, _cut, _repeat, _splice, _noise)

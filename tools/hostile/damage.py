"""Valid recordings that are cut off, have flipped bits, or are put together wrongly."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from tools.hostile.kinds import Hostile

# Bytes of a header, in which containers say what follows.
HEAD = 400
# Where files are cut off: bytes of the header, and shares of the whole.
CUT_BYTES = (1, 12, 40, 200)
CUT_SHARES = (0.2, 0.9)


def damaged(bases: Mapping[str, bytes], seed: int) -> Iterator[Hostile]:
    """Every base unchanged, and its damaged copies."""
    names = list(bases)
    for number, (name, content) in enumerate(bases.items()):
        chance = random.Random(f"{seed} {name}")
        stem = name.replace(".", "-")
        suffix = name.rpartition(".")[2]
        yield Hostile(f"plain-{name}", "plain", f"{name} unchanged", content)
        cuts = [CUT_BYTES[number % len(CUT_BYTES)]]
        cuts += [int(len(content) * share) for share in CUT_SHARES]
        for at in cuts:
            why = f"{name} ends after {at} of {len(content)} bytes"
            yield Hostile(f"cut-{stem}-{at}.{suffix}", "cut", why, content[:at])
        for what, (first, last, flips) in {
            "head": (0, HEAD, 12),
            "body": (0, len(content), 60),
        }.items():
            why = f"{flips} flipped bits in bytes {first} to {last} of {name}"
            turned = flipped(content, chance, first, last, flips)
            yield Hostile(f"flip-{stem}-{what}.{suffix}", "flipped", why, turned)
        other = bases[names[(number + 7) % len(names)]]
        half = len(content) // 2
        yield Hostile(
            f"splice-{stem}.{suffix}",
            "spliced",
            f"the first half of {name}, then another complete file, then the second half",
            content[:half] + other + content[half:],
        )


def flipped(content: bytes, chance: random.Random, first: int, last: int, flips: int) -> bytes:
    """Flip random bits between two positions, and now and then set a byte to an extreme value."""
    data = bytearray(content)
    for _ in range(flips):
        place = chance.randrange(first, min(last, len(data)))
        extreme = chance.random() < 0.25
        data[place] = (
            chance.choice((0x00, 0x7F, 0x80, 0xFF))
            if extreme
            else (data[place] ^ 1 << chance.randrange(8))
        )
    return bytes(data)

"""Actor definitions that break the game's monsters (ZDoom's DECORATE language)."""

from __future__ import annotations

KINDS = ("ZombieMan", "ShotgunGuy", "DoomImp", "Demon")


def replaced(properties: str) -> str:
    """Every common monster with these properties, in its usual places."""
    return "\n".join(
        f"actor Odd{kind} : {kind} replaces {kind} {{ {properties} }}" for kind in KINDS
    )


GHOSTS = replaced("-SOLID +NOCLIP +NOGRAVITY")
"""They do not push each other away, so several stand inside one another."""
FLOATING = replaced("+NOGRAVITY +SPAWNCEILING")
"""They hang under the ceiling."""
GIANT = replaced("Scale 3.2")

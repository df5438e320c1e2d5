"""Ids of what is kept for minutes only. An id contains the time at which it was made, so that an id
of something that has expired is recognised without keeping anything.

That reveals nothing: the answer depends on the id alone, and 96 random bits cannot be guessed.
"""

from __future__ import annotations

import secrets
import time

# Hexadecimal digits of the time in seconds: enough until 2106.
TIME_DIGITS = 8
RANDOM_BYTES = 12


def new_id() -> str:
    """A new id of 32 hexadecimal digits."""
    return f"{int(time.time()):0{TIME_DIGITS}x}{secrets.token_hex(RANDOM_BYTES)}"


def is_older(made: str, seconds: float) -> bool:
    """Whether an id was made more than so many seconds ago. False for what is not an id."""
    try:
        return time.time() - int(made[:TIME_DIGITS], 16) > seconds
    except ValueError:
        return False

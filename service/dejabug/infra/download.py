"""The body of an HTTP answer → a file, in pieces and within a bound, and not at all where its first
bytes are not what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import requests

CHUNK = 256 * 1024  # bytes
# Asked for as it is: clips are packed already, and what is packed once more on its way becomes a
# thousand times as much before it can be counted.
AS_IT_IS = {"Accept-Encoding": "identity"}


# Bytes that a body's beginning is judged by, or all of a shorter one.
HEAD_BYTES = 4096
# Whether a body that begins with these bytes is wanted.
Wanted = Callable[[bytes], bool]


class UnwantedError(Exception):
    """The body's first bytes are not what is wanted; no more of it was read."""


class TooManyBytesError(Exception):
    """The body is larger than was allowed; what was read of it lies in the file."""


def body_of(answer: requests.Response, wanted: Wanted | None = None) -> Iterator[bytes]:
    """A streamed answer's body, in pieces; with `wanted`, its beginning is read at once. Raises
    UnwantedError and requests' errors."""
    pieces: Iterator[bytes] = answer.iter_content(CHUNK)
    if wanted is None:
        return pieces
    head = b""
    while len(head) < HEAD_BYTES and (piece := next(pieces, b"")):
        head += piece
    if not wanted(head[:HEAD_BYTES]):
        raise UnwantedError
    return chain((head,), pieces)


def save(pieces: Iterable[bytes], path: Path, most: int) -> int:
    """Write a body to `path`; its bytes. Raises TooManyBytesError beyond `most`, requests' errors,
    and OSError when the disk is full."""
    size = 0
    with path.open("wb") as file:
        for chunk in pieces:
            size += len(chunk)
            if size > most:
                raise TooManyBytesError(f"more than {most:,} bytes")
            file.write(chunk)
    return size

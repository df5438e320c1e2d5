"""Save the body of an HTTP response to a file: in chunks, up to a size limit, and only if its first
bytes are those of a wanted file type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import requests

CHUNK = 256 * 1024  # bytes
# No compression: clips are already compressed, and a compressed response could expand to a thousand
# times its size before its bytes are counted.
AS_IT_IS = {"Accept-Encoding": "identity"}


# How many of the first bytes are checked; all bytes of a shorter body.
HEAD_BYTES = 4096
# Returns whether a body that starts with these bytes is wanted.
Wanted = Callable[[bytes], bool]


class UnwantedError(Exception):
    """The body's first bytes show that it isn't wanted; the rest was not read."""


class TooManyBytesError(Exception):
    """The body is larger than allowed; the file has the part that was read."""


def body_of(answer: requests.Response, wanted: Wanted | None = None) -> Iterator[bytes]:
    """The body of a streamed response, in chunks; with `wanted`, its first bytes are read and
    checked now. Raises UnwantedError and requests' errors."""
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
    """Write a body to `path`; returns its size in bytes. Raises TooManyBytesError beyond `most`,
    requests' errors, and OSError when the disk is full."""
    size = 0
    with path.open("wb") as file:
        for chunk in pieces:
            size += len(chunk)
            if size > most:
                raise TooManyBytesError(f"more than {most:,} bytes")
            file.write(chunk)
    return size

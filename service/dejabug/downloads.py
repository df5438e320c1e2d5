"""The body of an HTTP answer → a file, in pieces and within a bound."""

from __future__ import annotations

from pathlib import Path

import requests

CHUNK = 256 * 1024  # bytes
# Asked for as it is: clips are packed already, and what is packed once more on its way becomes a
# thousand times as much before it can be counted.
AS_IT_IS = {"Accept-Encoding": "identity"}


class TooManyBytesError(Exception):
    """The body is larger than was allowed; what was read of it lies in the file."""


def save_body(answer: requests.Response, path: Path, most: int) -> int:
    """Write a streamed answer's body to `path`; its bytes. Raises TooManyBytesError beyond `most`,
    requests' errors, and OSError when the disk is full."""
    size = 0
    with path.open("wb") as file:
        for chunk in answer.iter_content(CHUNK):
            size += len(chunk)
            if size > most:
                raise TooManyBytesError(f"more than {most:,} bytes")
            file.write(chunk)
    return size

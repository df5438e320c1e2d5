"""The body of an HTTP answer → a file, in pieces and within a bound."""

from __future__ import annotations

from pathlib import Path

import requests

CHUNK = 256 * 1024  # bytes


class TooManyBytesError(Exception):
    """The body is larger than was allowed; what was read of it lies in the file."""


def save_body(answer: requests.Response, path: Path, most: int) -> int:
    """Write a streamed answer's body to `path`; its bytes. Raises TooManyBytesError beyond `most`,
    and requests' errors."""
    size = 0
    with path.open("wb") as file:
        for chunk in answer.iter_content(CHUNK):
            size += len(chunk)
            if size > most:
                raise TooManyBytesError(f"more than {most:,} bytes")
            file.write(chunk)
    return size

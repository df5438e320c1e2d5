"""A malicious file, and where it may point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hostile:
    """A file to attach: its bytes, then a hole up to `size`, if that is more.

    `kind` is one of KINDS, `why` says what it tries.
    """

    name: str
    kind: str
    why: str
    content: bytes
    size: int = 0

    def write(self, folder: Path) -> Path:
        """Write the file to a folder, under the name that a download has."""
        path = folder / self.name
        with path.open("wb") as file:
            file.write(self.content)
            if self.size:
                file.truncate(self.size)
        return path


@dataclass(frozen=True)
class Bait:
    """Where malicious files point: a server that counts its visitors (`host:port`), and a clip with
    an unmistakable colour that nobody asked for."""

    address: str
    canary: Path


KINDS = {
    "plain": "valid recordings",
    "cut": "cut off, at many places",
    "flipped": "flipped bits in headers and bodies",
    "spliced": "parts of one file in another",
    "boxes": "wrong sizes and nesting of boxes and elements",
    "sizes": "huge, empty and changing frame sizes",
    "times": "endless, absurd and missing times",
    "streams": "very many streams, tags and attachments",
    "bombs": "small files that decompress to a lot of data",
    "reaching": "playlists, scripts and references to other files and to servers",
    "posing": "tags that imitate ffmpeg's messages",
    "strangers": "files that are not recordings",
}

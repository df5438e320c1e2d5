"""What a hostile file is, and what it may name to reach somebody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hostile:
    """A file to be attached: its bytes, then a hole up to `size`, if that is more.

    `kind` is one of KINDS, `why` says what it tries.
    """

    name: str
    kind: str
    why: str
    content: bytes
    size: int = 0

    def write(self, folder: Path) -> Path:
        """The file in a folder, under the name that a download has."""
        path = folder / self.name
        with path.open("wb") as file:
            file.write(self.content)
            if self.size:
                file.truncate(self.size)
        return path


@dataclass(frozen=True)
class Bait:
    """Where hostile files point: a server that counts who comes (`host:port`), and a clip with an
    unmistakable picture that nobody asked for."""

    address: str
    canary: Path


KINDS = {
    "plain": "recordings as they should be",
    "cut": "cut off, at many places",
    "flipped": "bits turned over in heads and bodies",
    "spliced": "parts of one file in another",
    "boxes": "wrong sizes and nesting of boxes and elements",
    "sizes": "huge, empty and changing pictures",
    "times": "endless, absurd and missing times",
    "streams": "very many streams, tags and attachments",
    "bombs": "little that becomes much",
    "reaching": "playlists, scripts and references to other files and to servers",
    "posing": "tags that pass for what ffmpeg says",
    "strangers": "no recordings at all",
}

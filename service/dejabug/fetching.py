"""A clip's file, downloaded from Jira for as long as it is worked on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dejabug.catalogue import ClipRecord
from dejabug.metrics import DOWNLOADED, stage
from dejabug.rooms import Rooms


@contextlib.contextmanager
def fetched(place: Rooms, clip: ClipRecord) -> Iterator[Path]:
    """The clip's file, gone again afterwards. Raises like `JiraClient.download`."""
    most = place.settings.clip_max_bytes
    with tempfile.TemporaryDirectory(prefix="dejabug-") as folder:
        path = Path(folder) / "clip"
        with stage("download"):
            size = place.jira.download(clip.id, path, max_bytes=most, filename=clip.filename)
        DOWNLOADED.inc(size)
        yield path

"""Folders for files that are worked on for a moment; what a killed worker leaves is found.

Each folder has a file that its owner holds locked (flock(2)): the lock ends with the process, in
whatever container, so that a folder whose file can be locked belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

log = structlog.get_logger()

PREFIX = "dejabug-clip-"
LOCK = "lock"
# Seconds that a folder is left alone after it was made: its owner may be about to lock it.
YOUNG = 5


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of one's own in the system's folder for temporary files (TMPDIR)."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        with (folder / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def prune_scratch() -> None:
    """Delete the folders whose owners are gone."""
    oldest = time.time() - YOUNG
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if folder.stat().st_mtime < oldest and not _owned(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)
                log.warning("scratch_left_over", folder=folder.name)


def _owned(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False  # killed before it came to lock
    return False

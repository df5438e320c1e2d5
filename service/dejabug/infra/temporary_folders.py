"""Temporary folders, and cleaning up those of killed workers.

Each folder has a file that its owner keeps locked (flock(2)). The lock ends with the process, in
any container. So a folder whose file can be locked has no owner any more.
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
# Seconds after its creation in which a folder is not deleted: its owner may not have locked it yet.
YOUNG = 5


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder in the system's folder for temporary files (TMPDIR), deleted at the end."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        with (folder / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def prune_scratch() -> None:
    """Delete the folders of processes that no longer run."""
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
        return False  # its owner was killed before it made the lock
    return False

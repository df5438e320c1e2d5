"""`dejabug …` as a process, and a list of running processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import forks


def dejabug(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a forked process, with these environment variables added."""
    return forks.run(arguments, {**os.environ, **variables})


def new_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new Python, for tests of its start."""
    return subprocess.run(
        [sys.executable, "-m", "dejabug", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def processes_of(path: Path) -> list[str]:
    """Processes that have this path in their command line, or work in it (redis-server gives itself
    another command line)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(path) in words or str(path) in str((process / "cwd").readlink()):
                found.append(words)
        except OSError:
            continue  # it has ended meanwhile
    return found


def log_of(tmp_path: Path, number: int = 0) -> str:
    """What a worker of the fixture `start` has said."""
    return (tmp_path / f"worker-{number}.log").read_text("utf-8", "replace")

"""A short run of `make chaos`: nothing lost, duplicated, stuck or left over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.repository import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which no file system stays mounted, however the storm ends."""
    yield tmp_path
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        where = line.split()[1]
        if where.startswith(str(tmp_path)):
            subprocess.run(["umount", "-l", where], check=True)


@pytest.mark.timeout(900)
def test_a_storm_of_kills_and_bad_answers_leaves_all_as_it_must_be(folder: Path) -> None:
    storm = [sys.executable, "-m", "tools.chaos", "--webhooks", "48", "--seconds", "15"]
    done = subprocess.run(
        [*storm, "--seed", "1", "--keep", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=880,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout

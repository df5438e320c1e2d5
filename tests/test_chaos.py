"""A small storm of `make chaos`: nothing lost or doubled, nothing stuck, nothing left over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(600)
def test_a_storm_of_kills_and_bad_answers_leaves_all_as_it_must_be(tmp_path: Path) -> None:
    storm = [sys.executable, "-m", "tools.chaos", "--webhooks", "80", "--seconds", "25"]
    done = subprocess.run(
        [*storm, "--seed", "1", "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout

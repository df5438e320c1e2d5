"""Temporary folders, and what a killed worker leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dejabug.infra import temporary_folders
from dejabug.infra.temporary_folders import prune_scratch, scratch_folder

HOLD = """
import sys
from dejabug.infra.temporary_folders import scratch_folder
with scratch_folder() as folder:
    (folder / "clip").write_bytes(b"footage")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_only_the_folder_of_a_process_that_is_gone_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(temporary_folders, "YOUNG", -1)
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    killed, living = holders
    folders = [Path(holder.stdout.readline().strip()) for holder in holders if holder.stdout]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with scratch_folder() as ours:
        prune_scratch()
        assert ours.exists()
    assert [folder.exists() for folder in folders] == [False, True]
    living.communicate("")
    assert list(tmp_path.iterdir()) == []

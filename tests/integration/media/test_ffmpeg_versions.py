"""Which versions of ffmpeg are supported, the warnings about others, and the tests' oldest one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dejabug import media
from dejabug.media.versions import OLDEST, Found, look_at_ffmpeg, release_of
from support.ffmpegs import DEBIAN, PACKAGED, ffmpeg_called
from support.processes import dejabug
from support.repository import ROOT


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("5.1.9-0+deb12u1", (5, 1)),  # Debian 12
        ("7.1.1-1+b1", (7, 1)),  # Debian 13
        ("6.1.1-3ubuntu5", (6, 1)),  # Ubuntu 24.04
        ("4.4.2-0ubuntu0.22.04.1", (4, 4)),
        ("7.0.2-static", (7, 0)),  # John Van Sickle's
        ("n9.0.2-17-g2a571b6068-20260930", (9, 0)),  # BtbN's, as packaged in imageio-ffmpeg
        ("n4.4", (4, 4)),
        ("7.0.2-Jellyfin", (7, 0)),
        ("6.0-essentials_build-www.gyan.dev", (6, 0)),
        ("10.12", (10, 12)),
        ("0.8.17-4:0.8.17-0ubuntu0.12.04.2", (0, 8)),
        # Builds between two releases.
        ("N-12345-gabcdef", None),
        ("N-109542-g4ed4c0d-20230108", None),
        ("git-2024-01-31-abcdef", None),
        ("2024-05-13-git-37db0454e4-full_build-www.gyan.dev", None),
        ("2024.05.13", None),
        ("20240513.1", None),
        ("SVN-r26402", None),
        ("UNKNOWN", None),
        ("unknown", None),
        ("", None),
        ("5", None),
        ("５.１", None),
    ],
)
def test_a_release_is_read_off_a_version(version: str, release: tuple[int, int] | None) -> None:
    assert release_of(version) == release


@pytest.mark.parametrize(
    ("version", "too_old"),
    [
        ("5.0.9", True),
        ("4.4.2-0ubuntu0.22.04.1", True),
        ("n5.0-12-gabcdef", True),
        ("5.1", False),
        ("5.10", False),
        ("n9.0.2-17-g2a571b6068", False),
        ("10.0", False),
        ("N-12345-gabcdef", False),  # cannot be told
    ],
)
def test_what_is_older_than_5_1_is_too_old(version: str, too_old: bool) -> None:
    assert OLDEST == (5, 1)
    assert Found("/usr/bin/ffmpeg", version, release_of(version)).too_old is too_old


def test_each_supported_ffmpeg_tells_its_release(ffmpeg_program: str) -> None:
    found = look_at_ffmpeg(ffmpeg_program)
    assert found.release is not None
    assert not found.too_old
    assert found.says == f"{found.version} at {ffmpeg_program}"


def test_the_oldest_that_the_tests_run_with_is_the_oldest_supported() -> None:
    assert look_at_ffmpeg(ffmpeg_called(DEBIAN)).release == OLDEST


def test_a_picture_is_read_in_the_sandbox_with_each_ffmpeg(
    ffmpeg_program: str, clips: Path
) -> None:
    frames = media.sample_frames(clips / "crafter-01.mov", program=ffmpeg_program)
    assert len(frames.times) > 1
    assert not frames.truncated


# Who is told


def ffmpeg_that_says(version: str, path: Path) -> str:
    """The packaged ffmpeg under another version."""
    packaged = ffmpeg_called(PACKAGED)
    words = f"ffmpeg version {version} Copyright (c) the FFmpeg developers"
    says = f'[ "$1" != -version ] || {{ echo "{words}"; exit; }}'
    path.write_text(f'#!/bin/sh\n{says}\nexec {packaged} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_doctor_refuses_an_ffmpeg_that_is_too_old(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = ffmpeg_that_says("4.4.2-0ubuntu0.22.04.1", tmp_path / "ffmpeg")
    chosen = {**environment, "DEJABUG_FFMPEG": program, "COLUMNS": "600"}
    done = dejabug("doctor", "--no-model", **chosen)
    assert done.returncode == 1
    shown = " ".join(done.stdout.split())
    old = f"✗ ffmpeg version 4.4.2-0ubuntu0.22.04.1 at {program} is too old;"
    assert f"{old} Déjà Bug needs 5.1 or newer" in shown
    assert "Install ffmpeg 5.1 or newer, or set DEJABUG_FFMPEG" in shown


def test_doctor_accepts_an_ffmpeg_whose_release_cannot_be_told_and_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = ffmpeg_that_says("N-12345-gabcdef", tmp_path / "ffmpeg")
    chosen = {**environment, "DEJABUG_FFMPEG": program, "COLUMNS": "600"}
    shown = " ".join(dejabug("doctor", "--no-model", **chosen).stdout.split())
    assert f"✓ ffmpeg N-12345-gabcdef at {program} (unknown release" in shown


def test_a_worker_logs_its_ffmpeg_and_warns_of_one_that_is_too_old(
    start: Any, tmp_path: Path
) -> None:
    program = ffmpeg_that_says("4.4.2-0ubuntu0.22.04.1", tmp_path / "ffmpeg")
    logs = [tmp_path / f"worker-{number}.log" for number in (0, 1, 2)]
    start("default", "--burst", DEJABUG_FFMPEG=program).wait()
    start("default", "--burst", DEJABUG_FFMPEG=ffmpeg_called(PACKAGED)).wait()
    start("default", "--burst", DEJABUG_FFMPEG="/nowhere/ffmpeg").wait()
    old, good, none = (" ".join(log.read_text("utf-8").split()) for log in logs)
    assert "ffmpeg_not_supported" in old
    assert f"version 4.4.2-0ubuntu0.22.04.1 at {program} is too old" in old
    assert "worker_ready" in old
    assert "ffmpeg_not_supported" not in good
    assert f"ffmpeg={media.ffmpeg_version(ffmpeg_called(PACKAGED))}" in good
    assert "ffmpeg_missing" in none
    assert "worker_ready" in none


# tools/old_ffmpeg.sh


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the script alone, and programs on whose PATH neither apt nor ffmpeg is."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "old_ffmpeg.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for name in (
        "sh",
        "cat",
        "chmod",
        "dirname",
        "flock",
        "grep",
        "ln",
        "mkdir",
        "rm",
        "sed",
        "tail",
    ):
        if found := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def fetch(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the tree's script with its programs."""
    return subprocess.run(
        ["/bin/sh", str(tree / "tools" / "old_ffmpeg.sh")],
        env={**os.environ, "PATH": str(tree / "bin")},
        capture_output=True,
        text=True,
    )


def test_where_the_oldest_ffmpeg_cannot_be_had_the_script_says_why_and_ends_well(
    tree: Path,
) -> None:
    done = fetch(tree)
    assert done.returncode == 0
    assert "the tests that need it will be skipped" in done.stderr
    assert not (tree / ".state").exists()


def test_where_apt_fetches_nothing_the_script_says_so_and_ends_well(tree: Path) -> None:
    for name in ("apt-get", "apt-cache", "dpkg-deb", "dpkg"):
        path = tree / "bin" / name
        path.write_text("#!/bin/sh\necho E: no network >&2\nexit 100\n")
        path.chmod(0o755)
    done = fetch(tree)
    if "only Debian 12" in done.stderr:
        pytest.skip("needs apt on Debian 12")
    assert done.returncode == 0
    assert "will be skipped: apt-get update failed: E: no network" in done.stderr
    assert not (tree / ".state" / "ffmpeg-5.1").exists()


def test_an_ffmpeg_that_is_there_is_left_as_it_is(tree: Path) -> None:
    there = tree / ".state" / "ffmpeg-5.1" / "bin" / "ffmpeg"
    there.parent.mkdir(parents=True)
    ffmpeg_that_says("5.1.9-0+deb12u1", there)
    before = there.stat()
    done = fetch(tree)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = there.stat()  # its access time may change: it is asked for its version
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_system_s_ffmpeg_is_taken_where_it_is_the_oldest(tree: Path) -> None:
    system = ffmpeg_that_says("5.1.9-0+deb12u1", tree / "bin" / "ffmpeg")
    done = fetch(tree)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tree / ".state" / "ffmpeg-5.1" / "bin" / "ffmpeg").resolve() == Path(system)

"""The ffmpegs that media is tested with: the packaged one, and the oldest supported one."""

from __future__ import annotations

import imageio_ffmpeg
import pytest

from support.repository import ROOT

OLD = ROOT / ".state" / "ffmpeg-5.1" / "bin" / "ffmpeg"
PACKAGED, DEBIAN = "packaged", "debian-5.1"


def ffmpeg_called(name: str) -> str:
    """The path of the ffmpeg PACKAGED or DEBIAN; skips the test where this machine lacks it."""
    if name == PACKAGED:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    if not OLD.exists():
        pytest.skip("ffmpeg 5.1 not found: `make old-ffmpeg` downloads it, or says why it can't")
    return str(OLD)


@pytest.fixture(scope="session", params=[PACKAGED, DEBIAN])
def ffmpeg_program(request: pytest.FixtureRequest) -> str:
    """The path of an ffmpeg, for tests that must end alike with each one that is supported."""
    return ffmpeg_called(request.param)

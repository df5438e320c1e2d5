"""Which versions of ffmpeg are supported, and whether the one in use is among them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from dejabug.media.ffmpeg import ffmpeg_version, find_ffmpeg

# Debian 12's, the oldest that the tests run with: see tests/support/ffmpegs.py.
OLDEST = (5, 1)
# `5.1.9-0+deb12u1`, `7.0.2-static`, and tags of its repository: `n9.0.2-17-g2a571b6068-20260930`.
# Builds between two releases have a date or a number of commits instead: `N-12345-gabcdef`,
# `git-2024-01-31-abcdef`, `2024-05-13-git-37db0454e4-full_build`.
RELEASE = re.compile(r"[nv]?(\d{1,3})\.(\d{1,3})(?!\d)", re.ASCII)
REMEDY = (
    "Install ffmpeg {oldest} or newer, or set DEJABUG_FFMPEG to the path of one. The Python "
    "extra `dejabug[ffmpeg]` installs one; this prints its path: "
    'python -c "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"'
)


@dataclass(frozen=True)
class Found:
    """An ffmpeg: its path, the version that it reports, and the release that this names, if any."""

    program: str
    version: str
    release: tuple[int, int] | None

    @property
    def too_old(self) -> bool:
        """Whether it is older than supported; False if its release is unknown."""
        return self.release is not None and self.release < OLDEST

    @property
    def says(self) -> str:
        """What a person should know about it, e.g. `5.1.9-0+deb12u1 at /usr/bin/ffmpeg`."""
        here, oldest = f"{self.version} at {self.program}", oldest_supported()
        if self.too_old:
            return f"version {here} is too old; Déjà Bug needs {oldest} or newer"
        if self.release is None:
            return f"{here} (unknown release: make sure that it is {oldest} or newer)"
        return here


def release_of(version: str) -> tuple[int, int] | None:
    """The release that a version names, as major and minor number; None if it names none."""
    found = RELEASE.match(version)
    return (int(found[1]), int(found[2])) if found else None


def look_at_ffmpeg(chosen: str | None = None) -> Found:
    """The ffmpeg that `find_ffmpeg` finds. Raises FileNotFoundError if there is none, and OSError
    if it cannot be started."""
    program = find_ffmpeg(chosen)
    try:
        version = ffmpeg_version(program)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{program} -version does not end") from error
    return Found(program, version, release_of(version))


def oldest_supported() -> str:
    """The oldest supported version, for people."""
    return ".".join(map(str, OLDEST))


def ffmpeg_remedy() -> str:
    """What to do about an ffmpeg that is too old."""
    return REMEDY.format(oldest=oldest_supported())

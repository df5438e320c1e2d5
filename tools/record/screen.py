"""A virtual display on which a game from Debian is played by a script and recorded.

Xvfb keeps the display's image in a file (its `-fbdir`), which is read here at the clip's rate. The
game's clock may run slower than real time (libfaketime), so that a slow or busy machine without a
graphics card still draws every frame: the clip plays at the game's own speed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tools.record.clips import Frame

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
# Seconds that a game may take to load its level on a busy machine.
LOAD_TIMEOUT = 240.0
# Seconds that a game has to end by itself before it is killed.
STOP_TIMEOUT = 5.0


class RecorderError(Exception):
    """A clip cannot be recorded on this machine; the message says what is missing or failed."""


def require(packages: Mapping[str, str]) -> None:
    """Check that files of Debian packages exist; `packages` maps a path to its package.

    Raises RecorderError: names every missing package, with the command that installs them.
    """
    missing = sorted({package for path, package in packages.items() if not Path(path).exists()})
    if missing:
        raise RecorderError(
            f"missing on this machine: {', '.join(missing)}. "
            f"Install: apt-get install --no-install-recommends {' '.join(missing)}"
        )


XMESSAGE = "/usr/bin/xmessage"
NEEDED = {
    "/usr/bin/Xvfb": "xvfb",
    "/usr/bin/xdotool": "xdotool",
    FAKETIME: "libfaketime",
    XMESSAGE: "x11-utils",
}


@dataclass(frozen=True)
class Step:
    """At `second` of the clip (game time): xdotool's arguments, such as `("keydown", "w")`."""

    second: float
    xdotool: tuple[str, ...]


def held(key: str, start: float, end: float) -> tuple[Step, Step]:
    """A key pressed at `start` and released at `end`, in seconds of the clip."""
    return Step(start, ("keydown", key)), Step(end, ("keyup", key))


@dataclass(frozen=True)
class Message:
    """A message window over the game, from second `start` to `end` of the clip."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Play:
    """One run of a game.

    Attributes:
        command: the program and its arguments.
        size: width and height of the display in pixels.
        seconds: length of the clip.
        steps: what the player does, and when.
        ready: says whether the clip can begin, from the display.
        environment: added to a small base environment.
        folder: the program's working folder.
        pace: game seconds per real second; 0.5 gives a slow machine twice the time.
        message: a window that covers the middle for a while, or None.
    """

    command: Sequence[str | Path]
    size: tuple[int, int]
    seconds: float
    steps: tuple[Step, ...] = ()
    ready: Callable[[Screen], bool] = lambda screen: True
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    pace: float = 0.5
    message: Message | None = None


class Screen:
    """A running Xvfb: its image, and simulated keyboard and mouse."""

    def __init__(self, display: str, picture: NDArray[np.uint8]) -> None:
        self.display = display
        self._picture = picture

    def frame(self) -> Frame:
        """The display's current image."""
        return np.ascontiguousarray(self._picture[:, :, 2::-1])

    def xdotool(self, *arguments: str) -> None:
        """Press a key or move the mouse. Raises RecorderError."""
        environment = {"PATH": "/usr/bin:/bin", "DISPLAY": self.display}
        done = subprocess.run(
            ["/usr/bin/xdotool", *arguments], env=environment, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise RecorderError(f"xdotool {' '.join(arguments)}: {done.stderr.decode().strip()}")


@contextlib.contextmanager
def screen(size: tuple[int, int]) -> Iterator[Screen]:
    """A display of `size` (width, height) in pixels. Raises RecorderError."""
    width, height = size
    with tempfile.TemporaryDirectory(prefix="screen-") as folder:
        reading, writing = os.pipe()
        # No -noreset: the display must stay when the first program leaves it.
        command = [
            "/usr/bin/Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24",
            "-fbdir", folder, "-nolisten", "tcp", "-noreset",
        ]  # fmt: skip
        with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
            os.close(writing)
            try:
                with os.fdopen(reading) as told:
                    number = told.readline().strip()
                if not number:
                    raise RecorderError("Xvfb did not start; run it by hand to see why")
                with (Path(folder) / "Xvfb_screen0").open("rb") as file:
                    shown = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                yield Screen(f":{number}", _pixels(shown))
            finally:
                server.terminate()


def _pixels(shown: mmap.mmap) -> NDArray[np.uint8]:
    # X11's XWDFile.h: 25 big-endian words; pixels (blue, green, red, unused) follow the colour map.
    header = struct.unpack(">25I", shown[:100])
    size, width, height, row, colours = header[0], header[4], header[5], header[12], header[19]
    start = size + 12 * colours
    flat = np.frombuffer(shown, np.uint8, count=row * height, offset=start)
    return flat.reshape(height, row // 4, 4)[:, :width]


def play(run: Play, fps: int) -> Iterator[Frame]:
    """Start the game, wait until it is ready, and yield its frames at `fps` of game time.

    Raises RecorderError: the game ended early or was not ready in time; with the end of its log.
    """
    with (
        screen(run.size) as shown,
        tempfile.TemporaryFile() as log,
        _game(run, shown, log) as game,
        contextlib.closing(_Cover(shown, run.size)) as covered,
    ):

        def check() -> None:
            if game.poll() is not None:
                log.seek(0)
                said = log.read()[-2000:].decode(errors="replace")
                raise RecorderError(f"{run.command[0]} ended with {game.returncode}: {said}")

        deadline = time.monotonic() + LOAD_TIMEOUT
        while not run.ready(shown):
            check()
            if time.monotonic() > deadline:
                raise RecorderError(f"{run.command[0]} was not ready after {LOAD_TIMEOUT:.0f} s")
            time.sleep(0.05)
        steps = sorted(run.steps, key=lambda step: step.second)
        started = time.monotonic()
        for number in range(round(run.seconds * fps)):
            now = number / fps
            covered.show(run.message, now)
            while steps and steps[0].second <= now:
                shown.xdotool(*steps.pop(0).xdotool)
            time.sleep(max(0.0, started + now / run.pace - time.monotonic()))
            check()
            yield shown.frame()


class _Cover:
    """The message window of a run, while it is to be shown."""

    def __init__(self, shown: Screen, size: tuple[int, int]) -> None:
        self._display, self._size = shown.display, size
        self._window: subprocess.Popen[bytes] | None = None

    def show(self, message: Message | None, now: float) -> None:
        """Open or close the window, as required at second `now` of the clip."""
        wanted = message is not None and message.start <= now < message.end
        if message is not None and wanted and self._window is None:
            width, height = self._size
            # Without a window manager, xmessage's own -center does not work.
            place = f"{width * 3 // 5}x{height // 3}+{width // 5}+{height // 3}"
            self._window = subprocess.Popen(
                [XMESSAGE, "-geometry", place, "-buttons", "OK,Details", message.text],
                env={"PATH": "/usr/bin:/bin", "DISPLAY": self._display},
            )
        elif not wanted:
            self.close()

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._window is not None:
            self._window.terminate()
            self._window.wait()
            self._window = None


@contextlib.contextmanager
def _game(run: Play, shown: Screen, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": "/usr/games:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "DISPLAY": shown.display,
        "SDL_AUDIODRIVER": "dummy",
        "ALSOFT_DRIVERS": "null",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        **run.environment,
    }
    if run.pace != 1:
        environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+0 x{run.pace}"}
    command = [str(part) for part in run.command]
    with subprocess.Popen(
        command, cwd=run.folder, env=environment, stdout=log, stderr=log, start_new_session=True
    ) as game:
        try:
            yield game
        finally:
            # The group: some games start through a script.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(game.pid, signal.SIGTERM)
            try:
                game.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(game.pid, signal.SIGKILL)

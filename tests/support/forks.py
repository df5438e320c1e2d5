"""`dejabug …` in separate processes that start in a tenth of a second instead of six.

Python's fork server (multiprocessing, "forkserver") imports Déjà Bug, torch and the weights of the
starter encoder once, and every process is forked from it. It runs the command itself, with its own
environment, output and process id; it can be killed like any other. Tests about the start of a
process (the demo, the image, an import that must not happen) start a new Python.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path

from support.repository import ROOT

_context = multiprocessing.get_context("forkserver")
# Where the server finds `support.preloaded`; and one thread for torch in every process that is
# forked: two processes of the suite share two cores.
SERVER_ENVIRONMENT = {"PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}


class Fork:
    """A forked process with as much of the interface of subprocess.Popen as the tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path | None = None,
        *,
        remembers: bool = True,
    ) -> None:
        """Run `dejabug` with these arguments; what it says is appended to the files (`stderr` None:
        all goes to `stdout`). Unless it `remembers`, it samples and embeds every clip itself."""
        _start_server()
        stdout.touch()  # it can be read from now on
        self._process = _context.Process(
            target=_run,
            args=(list(arguments), dict(environment), stdout, stderr or stdout, remembers),
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, a signal's number negative; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit status. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("dejabug", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `dejabug` with these arguments to its end; as subprocess.run with its output captured."""
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        child = Fork(arguments, environment, stdout, stderr)
        try:
            status = child.wait()
        finally:
            child.kill()
        said = [path.read_text("utf-8", "replace") for path in (stdout, stderr)]
    return subprocess.CompletedProcess(list(arguments), status, *said)


def stop() -> None:
    """End the fork server, if it runs, and wait for it."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def _start_server() -> None:
    """Start the fork server with this process's environment, unless it runs."""
    forkserver.set_forkserver_preload(["support.preloaded"])
    kept = {name: os.environ.get(name) for name in SERVER_ENVIRONMENT}
    os.environ.update(SERVER_ENVIRONMENT)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(
    arguments: list[str], environment: dict[str, str], stdout: Path, stderr: Path, remembers: bool
) -> None:
    """In the forked process: become `python -m dejabug …`."""
    os.environ.clear()
    os.environ.update(environment)
    os.closerange(0, 1)
    os.open(os.devnull, os.O_RDONLY)
    for number, path in ((1, stdout), (2, stderr)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["dejabug", *arguments]
    assert "support.preloaded" in sys.modules, (
        "the fork server could not import support/preloaded.py"
    )
    from dejabug.cli import app
    from support import preloaded

    if remembers:
        preloaded.remember()

    app(prog_name="dejabug")

"""The whole demo, in separate processes, on a small data set."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from support.demo_clips import data_set
from support.processes import new_python, processes_of
from support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)

FILES = ("crafter-01.mov", "crafter-18.mp4", "crafter-19.mp4", "crafter-14.mp4", "crafter-12.webm",
         "crafter-08.mp4")  # fmt: skip
# Tests run at the same time: none of them may count on the usual ports.
ANY_PORTS = ("--port", "0", "--jira-port", "0")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Six clips."""
    return data_set(tmp_path / "data", lambda entry: entry["file"] in FILES)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two clips of one bug, for what is no matter of clips."""
    return data_set(tmp_path / "data", lambda entry: entry["file"] in FILES[1:3])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dejabug", *arguments]


def test_the_story_ends_with_the_true_duplicate_and_no_process(small: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    chosen = ("--data", str(small), "--query", "crafter-19.mp4")
    done = new_python("demo", *chosen, "--state", str(state), COLUMNS="140")
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("Seen before?", "score", "Same moment", "starter:", "suggestion 1", "cpu"):
        assert part in done.stdout
    assert Image.open(state / "demo" / "strip.png").height > 150
    assert processes_of(state) == []


def test_a_missed_duplicate_is_told_and_ends_with_one(small: Path, tmp_path: Path) -> None:
    """A ticket whose labelled duplicate shows something else: an honest demo must say so."""
    manifest = small / "manifest.jsonl"
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    for entry in entries:
        entry["group"] = "wrong" if entry["file"] in ("crafter-14.mp4", "crafter-08.mp4") else None
    manifest.write_text("\n".join(map(json.dumps, entries)))
    done = new_python("demo", "--data", str(small), "--state", str(tmp_path / "state"))
    assert done.returncode == 1, done.stdout
    assert "Missed" in done.stdout
    assert processes_of(tmp_path / "state") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_broken_off_it_leaves_no_process(tiny: Path, tmp_path: Path, how: signal.Signals) -> None:
    state = tmp_path / "state"
    child = subprocess.Popen(
        command("up", "--data", str(tiny), "--state", str(state), *ANY_PORTS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As in a script's background job, whose shell has it ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    wait_until(lambda: (state / "up" / "logs" / "web.log").exists())
    assert len(processes_of(state)) >= 3
    child.send_signal(how)
    child.wait(60)
    wait_until(lambda: processes_of(state) == [])


def test_a_signal_that_python_drops_still_ends_it(tmp_path: Path) -> None:
    """An exception raised in a fork's hooks is printed and forgotten; the stop must not be."""
    code = (
        "import os, signal, sys, pathlib\n"
        "from dejabug.demo.processes import Processes, Stop\n"
        "with Stop() as stop, Processes(pathlib.Path(sys.argv[1]), stop) as processes:\n"
        "    hook = lambda: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    os.register_at_fork(after_in_parent=hook)\n"
        "    processes.start('child', ['this'], {})\n"
        "    print('dropped', flush=True)\n"
        "    processes.check()\n"
        "    print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "dropped\n", done.stderr
    assert "KeyboardInterrupt" in done.stderr


@contextmanager
def up(state: Path, *more: str) -> Iterator[str]:
    """A studio that runs; what it printed once everything was there."""
    said = state.with_suffix(".out")
    with said.open("w") as output:
        child = subprocess.Popen(command("up", "--state", str(state), *more), stdout=output)
    wait_until(lambda: "Logs:" in said.read_text())
    yield said.read_text()
    child.terminate()
    assert child.wait(60) == 0


def address(said: str, name: str) -> str:
    """An address that was printed."""
    found = re.search(rf"^  {re.escape(name)} +(http\S+)", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def test_what_up_keeps_is_there_the_next_time(tiny: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with up(state, "--data", str(tiny), *ANY_PORTS) as first:
        assert "tickets from last time" not in first
        # Its folder is its own while it runs.
        other = new_python("up", "--state", str(state), *ANY_PORTS, COLUMNS="500")
        assert other.returncode == 1
        assert "already running" in other.stderr
    taken = ("127.0.0.1", urlsplit(address(first, "Jira (stand-in)")).port)
    with socket.create_server(taken), up(state, "--data", str(tiny)) as again:
        assert "tickets from last time" in again
        assert f"Port {taken[1]} is in use" in again
    assert address(again, "Search") == address(first, "Search")
    assert processes_of(state) == []


def test_every_address_that_up_prints_opens_and_its_link_signs_in(
    tiny: Path, tmp_path: Path
) -> None:
    with up(tmp_path / "state", "--data", str(tiny), *ANY_PORTS) as said:
        names = ("Search", "Status", "API docs", "Jira (stand-in)")
        before = requests.get(address(said, "Search"), timeout=30)
        assert before.status_code == 401
        with requests.Session() as browser:
            page = browser.get(address(said, "Sign in"), timeout=30)
            assert page.url == address(said, "Search")
            assert "tess@studio.example" in page.text
            for name in names:
                assert browser.get(address(said, name), timeout=30).status_code == 200
        # Nothing secret is in the link, and each browser gets a session of its own.
        assert "token" not in address(said, "Sign in")
        with requests.Session() as another:
            another.get(address(said, "Sign in"), timeout=30)
            assert another.cookies.get("dejabug_session") != browser.cookies.get("dejabug_session")


def test_a_port_that_was_asked_for_and_is_in_use_is_an_error(tiny: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        folders = ("--data", str(tiny), "--state", str(tmp_path / "state"))
        done = new_python("up", *folders, "--port", port, COLUMNS="500")
    assert done.returncode == 1
    assert f"port {port} is in use; choose another one with --port" in done.stderr


def test_a_wrong_data_set_is_told(tmp_path: Path) -> None:
    folders = ("--data", str(tmp_path), "--state", str(tmp_path / "state"))
    done = new_python("demo", *folders, COLUMNS="500")
    assert done.returncode == 1
    assert "manifest.jsonl" in done.stderr
    assert "Traceback" not in done.stderr

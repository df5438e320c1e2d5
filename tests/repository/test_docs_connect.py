"""The commands of docs/how-to/connect-jira.md, run by a real shell in their order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from dejabug.infra.redis_server import free_port
from support.demo_clips import COWS
from support.jira_site import TOKEN, Site
from support.repository import ROOT
from support.waiting import answers, wait_until

PAGE = (ROOT / "docs" / "how-to" / "connect-jira.md").read_text("utf-8")
# The page's placeholder for the address by which Jira reaches the service.
ADDRESS = "https://dejabug.studio.example"


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


class Reader:
    """Somebody who follows the page in a folder of their own, with a terminal for each process."""

    def __init__(self, folder: Path) -> None:
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        inherited = {name: it for name, it in os.environ.items() if not name.startswith("DEJABUG_")}
        self.folder = folder
        self.variables = {**inherited, "PATH": programs}
        self.load = ""
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, block: str, status: int = 0) -> str:
        """Run a block to its end; what it prints."""
        done = subprocess.run(
            ["sh", "-ec", self.load + block],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, block: str) -> Callable[[], str]:
        """Start a block that runs until Ctrl-C; a function that reads what it has printed."""
        said = self.folder / f"terminal-{len(self._running)}.log"
        with said.open("wb") as output:
            self._running.append(
                subprocess.Popen(
                    ["sh", "-ec", f"{self.load}exec {block}"],
                    cwd=self.folder,
                    env=self.variables,
                    stdout=output,
                    stderr=output,
                )
            )
        return lambda: said.read_text("utf-8", "replace")

    def end(self) -> None:
        """Press Ctrl-C in every terminal."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader, whose processes end with the test."""
    one = Reader(tmp_path)
    yield one
    one.end()


def test_the_commands_of_the_page_connect_a_jira(
    environment: dict[str, str], jira: Site, clips: Path, reader: Reader
) -> None:
    old = jira.file("GAME", "Cows everywhere", clips / COWS[0])
    port = free_port()
    mine = {**environment, "DEJABUG_DATA_DIR": "./data"}
    (settings,) = blocks("ini")
    named = re.findall(r"^(\w+)=", settings, re.M)
    # No model hub is in reach, and scores of a handful of clips are low on purpose.
    more = ["DEJABUG_ENCODER", "DEJABUG_COMMENT_THRESHOLD"]
    lines = [f"{name}={shlex.quote(mine[name])}\n" for name in [*named, *more]]
    (reader.folder / "dejabug.env").write_text("".join(lines), "utf-8")
    load, doctor, serve, worker, install, check, backfill, similar = blocks("sh")
    reader.load = load
    assert (old, "GAME-2") == ("GAME-1", similar.split()[-1])

    first_look = reader.run(doctor, status=1)
    assert re.findall(r"^✗ (\w+)", first_look, re.M) == ["workers"]
    reader.start(f"{serve.rstrip()} --port {port}")
    worker_says = reader.start(worker)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/healthz"))
    install = install.replace(ADDRESS, url)
    assert "System → WebHooks" in reader.run(install, status=1)
    as_an_administrator = "DEJABUG_JIRA_USER=ada@studio.example DEJABUG_JIRA_TOKEN="
    assert "Registered" in reader.run(f"{as_an_administrator}{TOKEN}-admin {install}")
    assert re.findall(r"^✗.*", reader.run(check), re.M) == []
    wait_until(lambda: "worker_ready" in worker_says())
    assert re.search(r"\b1 clips? queued", reader.run(backfill))
    assert not jira.comments(old)

    new = jira.file("GAME", "Herd of cows", clips / COWS[2])
    (comment,) = wait_until(lambda: jira.comments(new))
    assert f"[{old}|" in comment["body"]
    assert old in reader.run(similar)


def test_the_packaged_redis_of_the_page_has_vector_search(reader: Reader) -> None:
    (command,) = [block for block in blocks("bash") if "packaged_redis" in block]
    port = free_port()
    says = reader.start(f"{command.rstrip()} --port {port}")
    wait_until(lambda: "DEJABUG_REDIS_URL" in says())
    with redis.Redis(port=port) as connection:
        modules = connection.execute_command("MODULE", "LIST")
    assert b"search" in {module[b"name"] for module in modules}

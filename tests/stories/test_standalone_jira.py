"""`python -m dejabug.demo.jira_standin`: a Jira to follow the docs with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from support.waiting import wait_until

COMMAND = [sys.executable, "-m", "dejabug.demo.jira_standin"]


@contextmanager
def standalone(folder: Path, *more: str) -> Iterator[dict[str, str]]:
    """The stand-in as a process; the settings that it prints."""
    said = folder.with_suffix(".out")
    environment = {name: value for name, value in os.environ.items() if name != "STANDIN_TOKEN"}
    with said.open("w") as output:
        child = subprocess.Popen(
            [*COMMAND, "--data", str(folder), "--port", "0", *more], stdout=output, env=environment
        )
    try:
        wait_until(lambda: "DEJABUG_OIDC_CLIENT_SECRET" in said.read_text())
        settings = dict(re.findall(r"^ *(DEJABUG_\w+)=(\S+)$", said.read_text(), re.MULTILINE))
        yield settings
    finally:
        child.terminate()
        child.wait(30)


def count(settings: dict[str, str]) -> int:
    """How many tickets Déjà Bug's account finds."""
    answer = requests.post(
        f"{settings['DEJABUG_JIRA_URL']}/rest/api/2/search/approximate-count",
        json={"jql": "project in (SUPER, CRAFT)"},
        auth=(settings["DEJABUG_JIRA_USER"], settings["DEJABUG_JIRA_TOKEN"]),
        timeout=30,
    )
    answer.raise_for_status()
    return int(answer.json()["count"])


def test_it_prints_settings_that_work_and_keeps_them(tmp_path: Path) -> None:
    with standalone(tmp_path / "jira") as first:
        assert count(first) == 45
    assert (tmp_path / "jira" / "token").stat().st_mode & 0o077 == 0
    with standalone(tmp_path / "jira") as again:
        assert again["DEJABUG_JIRA_TOKEN"] == first["DEJABUG_JIRA_TOKEN"]
        assert count(again) == 45


def test_it_can_be_empty(tmp_path: Path) -> None:
    with standalone(tmp_path / "jira", "--tickets", "none") as settings:
        page = requests.get(settings["DEJABUG_JIRA_URL"], timeout=10).text
        assert "No tickets yet" in page


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with standalone(tmp_path / "jira", "--tickets", "none") as settings:
        port = settings["DEJABUG_JIRA_URL"].rpartition(":")[2]
        data = ("--data", str(tmp_path / "other"))
        done = subprocess.run(
            [*COMMAND, *data, "--port", port], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"Port {port} is in use." in done.stderr
    assert "Traceback" not in done.stderr

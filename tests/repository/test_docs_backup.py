"""The commands of docs/how-to/backup.md and retention.md, run by a real shell in their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from dejabug.services import Services
from support.jira_site import Site
from support.repository import ROOT
from support.studio import fill

PAGES = [ROOT / "docs" / "how-to" / name for name in ("backup.md", "retention.md")]


def test_the_commands_of_the_pages_do_what_they_say(
    cold_services: Services, environment: dict[str, str], jira: Site, tmp_path: Path
) -> None:
    fill(cold_services)
    jira.file("GAME", "so that Jira shows the project")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {**os.environ, **environment, "BACKUPS": str(tmp_path), "PATH": programs}

    def run(block: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", block], env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    export, restore, merge, purge, more = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S)
    assert "The backup is complete" in run(export)
    cold_services.redis.flushall()
    assert "Restored: 5 issues" in run(restore)
    assert "Restored" in run(merge)
    assert "Nothing was purged" in run(purge)
    shown = run(more)
    assert "Purged so far: " in shown
    assert "Old clips are allowed again" in shown

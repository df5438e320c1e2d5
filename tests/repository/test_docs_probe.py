"""The output in docs/how-to/check-a-clip.md is what the command prints."""

from __future__ import annotations

import re
import shlex

import pytest

from dejabug.services import Services
from support.command_line import PROBE_KEYS, call
from support.repository import ROOT

PAGE = (ROOT / "docs" / "how-to" / "check-a-clip.md").read_text("utf-8")
SHOWN = re.findall(r"```console\n\$ dejabug (.+)\n([^`]+)```", PAGE)


@pytest.mark.parametrize(("line", "output"), SHOWN)
def test_the_page_shows_what_the_command_prints(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch, line: str, output: str
) -> None:
    monkeypatch.chdir(ROOT)
    printed = call(*shlex.split(line)).stdout
    assert [each.rstrip() for each in printed.splitlines()] == output.splitlines()


def test_the_page_names_every_field() -> None:
    assert len(SHOWN) == 2
    for name in PROBE_KEYS:
        assert f"`{name}`" in PAGE

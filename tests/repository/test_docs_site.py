"""The documentation site builds, and the prose linter finds what it shall find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT

PHRASE = "a" + "new"  # so that the linter passes this file
MKDOCS = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    done = subprocess.run(
        [*MKDOCS, "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    home = (tmp_path / "index.html").read_text("utf-8")
    assert "Connect your Jira in ten minutes" in home
    # What a page needs comes with it, so that the reader's browser asks nobody else.
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        assert "fonts.googleapis.com" not in text, page
        assert 'src="http' not in text, page


def test_a_link_out_of_the_docs_becomes_the_file_s_name() -> None:
    from types import SimpleNamespace

    from tools.site.outside_links import on_page_markdown

    page = SimpleNamespace(file=SimpleNamespace(src_uri="how-to/backup.md"))
    text = "[the script](../../tools/pins.py#x), [a page](../index.md#y), ![a picture](../../a.png)"
    shown = on_page_markdown(text, page=page)
    assert (
        shown == "the script (`tools/pins.py`), [a page](../index.md#y), ![a picture](../../a.png)"
    )


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    """The prose linter's verdict on a file."""
    return subprocess.run(
        ["sh", "tools/prose/lint.sh", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("page.md", f"Embed it\n{PHRASE}.\n"), ("module.py", f'"""Embed it {PHRASE}."""\n')],
)
def test_the_prose_linter_refuses_a_listed_phrase(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    done = linted(path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "again" in done.stdout
    path.write_text(text.replace(PHRASE, "again"), "utf-8")
    done = linted(path)
    assert done.returncode == 0, done.stdout + done.stderr

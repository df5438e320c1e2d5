"""The commands in the docs are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from dejabug.cli import app
from dejabug.cli.service import _settings_page
from dejabug.settings import Settings
from support.repository import ROOT
from tools import cli_page

ABOUT = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")]


def test_the_settings_page_is_what_the_command_prints() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    assert page == _settings_page(), (
        "make it again: dejabug settings --markdown > docs/reference/settings.md"
    )


def test_every_command_and_setting_that_the_docs_name_exists() -> None:
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    commands |= {group.name for group in app.registered_groups}
    settings = {f"DEJABUG_{name.upper()}" for name in Settings.model_fields}
    for path in [*ABOUT, *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text("utf-8")
        for name in re.findall(r"\bDEJABUG_[A-Z_]+\b", text):
            assert name in settings, f"{path.name}: {name}"
        for line in re.findall(r"^(?:\$ )?dejabug ([a-z]+)", text, re.MULTILINE):
            assert line in commands, f"{path.name}: dejabug {line}"


def test_every_command_line_in_the_docs_is_one_that_can_be_parsed() -> None:
    """Not run, but read by the command itself: its name, its options and their values."""
    lines = 0
    for path in [ROOT / "README.md", ROOT / "deploy" / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for line in re.findall(
            r"^(?: {4,}|\$ )(dejabug .+)$", path.read_text("utf-8"), re.MULTILINE
        ):
            if "──" in line:
                continue  # a drawing
            words = shlex.split(line, comments=True)[1:]
            command, context = typer.main.get_command(app), None
            try:
                while hasattr(command, "resolve_command") and words:
                    context = command.context_class(command, parent=context)
                    _, command, words = command.resolve_command(context, words)
                command.make_context(command.name, words, parent=context)
            except typer.Exit:
                pass  # --help
            except Exception as error:
                raise AssertionError(f"{path.name}: {line}: {error}") from error
            lines += 1
    assert lines > 15


def test_every_link_within_the_docs_leads_somewhere() -> None:
    others = [ROOT / name for name in ("CONTRIBUTING.md", "deploy/README.md", "plugin/README.md")]
    for path in [*ABOUT, *others, *(ROOT / "docs").rglob("*.md")]:
        links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)", path.read_text("utf-8"))
        for target, anchor in links:
            found = path.parent / target if target else path
            assert found.exists(), f"{path.name}: {target}"
            if anchor and found.suffix == ".md":
                assert anchor in anchors_of(found), f"{path.name}: {target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_the_commands_page_is_what_the_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("DEJABUG_ENCODER", "starter")
    written = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert written == cli_page.page(), "python -m tools.cli_page > docs/reference/cli.md"
    root = typer.main.get_command(app)
    for name in root.list_commands(root.make_context("dejabug", [], resilient_parsing=True)):
        assert f"\n## `dejabug {name}`\n" in written


def test_the_index_of_decisions_lists_each_of_them_by_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text("utf-8")
    listed = re.findall(r"^- (\d+): \[(.+)\]\((.+)\):", index, re.MULTILINE)
    decisions = sorted(folder.glob("0*.md"))
    assert [name for _, _, name in listed] == [path.name for path in decisions]
    for number, title, name in listed:
        assert (folder / name).read_text("utf-8").startswith(f"# {number}: {title}\n")

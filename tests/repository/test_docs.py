"""Docs are run, not trusted."""

from __future__ import annotations

import re
import shlex

import typer

from dejabug.cli import app
from dejabug.cli.service import _settings_page
from dejabug.settings import Settings
from support.repository import ROOT

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
    for path in [*ABOUT, *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in readme
    assert "make test" in readme

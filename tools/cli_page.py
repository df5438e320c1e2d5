"""Prints docs/reference/cli.md, made from the commands' own help:

python -m tools.cli_page > docs/reference/cli.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer
from typer.cli import get_docs_for_click
from typer.core import TyperCommand, TyperGroup

from dejabug.cli import app

INTRO = """# Commands

For administrators and developers: every `dejabug` command, with its arguments and options.
`dejabug COMMAND --help` prints the same text. [Settings](settings.md) come from the environment.

This page is generated from the commands' help: `python -m tools.cli_page > docs/reference/cli.md`.
"""
USAGE = re.compile(r"\*\*Usage\*\*:\n\n```console\n\$ (.+)\n```\n")
HELP_OPTION = re.compile(r"(\*\*Options\*\*:\n\n)?\* `--help`: .*\n+")
# What typer calls a group without `rich_help_panel`.
OTHER_COMMANDS = "Commands"


def page() -> str:
    """The whole page, ending in one newline. It doesn't depend on the terminal or the settings."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    context = root.make_context("dejabug", ["--help"], resilient_parsing=True)
    panels: dict[str, list[str]] = {}
    sections = []
    for command in _visible(root, context):
        name = f"dejabug {command.name}"
        panel = getattr(command, "rich_help_panel", None) or OTHER_COMMANDS
        row = f"| [`{name}`](#{_anchor(name)}) | {_summary(command)} |"
        panels.setdefault(str(panel), []).append(row)
        sections += list(_sections(command, context, "dejabug", level=2))
    lists = []
    for title, rows in panels.items():
        lists += [f"**{title}**", "", "| command | what it does |", "| --- | --- |", *rows, ""]
    return "\n".join([INTRO, *_options(root, context), *lists, *sections]).rstrip() + "\n"


def _options(root: TyperGroup, context: typer.Context) -> list[str]:
    """The options of `dejabug` itself, such as `--version`, but for `--help`."""
    records = [each.get_help_record(context) for each in root.params if each.name != "help"]
    found = [f"* `dejabug {names}`: {about}" for names, about in filter(None, records)]
    return [*found, ""] if found else []


def _sections(
    command: TyperCommand, context: typer.Context, prefix: str, *, level: int
) -> Iterator[str]:
    """A command's section; a group's is followed by those of its commands, one level deeper."""
    name = f"{prefix} {command.name}"
    if not isinstance(command, TyperGroup):
        inside = command.make_context(name, [], parent=context, resilient_parsing=True)
        text = get_docs_for_click(obj=command, ctx=inside, indent=level - 1, call_prefix=prefix)
        yield HELP_OPTION.sub("", USAGE.sub(r"Usage: `\1`\n", text)).rstrip() + "\n"
        return
    yield f"{'#' * level} `{name}`\n\n{(command.help or '').strip()}\n"
    inside = command.make_context(name, [], parent=context, resilient_parsing=True)
    for each in _visible(command, inside):
        yield from _sections(each, inside, name, level=level + 1)


def _visible(group: TyperGroup, context: typer.Context) -> list[TyperCommand]:
    found = (group.get_command(context, name) for name in group.list_commands(context))
    return [command for command in found if command and not command.hidden]


def _summary(command: TyperCommand) -> str:
    """The first paragraph of its help, on one line."""
    first = (command.help or "").strip().partition("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")


if __name__ == "__main__":
    print(page(), end="")

"""`dejabug demo` and `dejabug up`: a made-up studio to try Déjà Bug with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dejabug.cli.common import TRY_IT, app, plain_errors


@app.command(rich_help_panel=TRY_IT)
@plain_errors
def demo(
    clip: Annotated[
        Path | None,
        typer.Option(help="Attach this video to the new ticket instead of a clip of the data set."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Use another data set: a folder with `manifest.jsonl` and its clips."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(help="Keep this file of the data set for the new ticket."),
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for the demo's logs, tickets and thumbnails.")
    ] = Path(".state"),
) -> None:
    """See it work: a new ticket gets a comment, in a stand-in Jira.

    Indexes earlier tickets, files a new one with a clip, and waits for the comment. Needs no
    account, no Docker, no GPU and no model download. Exits with status 0 when the real duplicate
    is among the first three suggestions (with `--clip`: when the ticket got an answer), else 1.

    Examples:

    `dejabug demo`

    `dejabug demo --clip my-bug.mp4`
    """
    from dejabug.demo.story import tell_story

    raise typer.Exit(tell_story(state / "demo", data=data, query=query, clip=clip))


@app.command(rich_help_panel=TRY_IT)
@plain_errors
def up(
    data: Annotated[
        Path | None, typer.Option(help="Use another data set, as with `dejabug demo`.")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for logs, tickets and data; kept between runs.")
    ] = Path(".state"),
) -> None:
    """Start the demo with its web pages; Ctrl-C stops it.

    Example:

    `dejabug up`
    """
    from dejabug.demo.story import keep_up

    raise typer.Exit(keep_up(state / "up", data=data))

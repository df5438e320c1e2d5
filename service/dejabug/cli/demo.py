"""`dejabug demo` and `dejabug up`: a make-believe studio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dejabug.cli.common import app, plain_errors


@app.command()
@plain_errors
def demo(
    clip: Annotated[
        Path | None,
        typer.Option(help="File the new ticket with this video instead of one of the data set's."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Another data set: a folder with `manifest.jsonl` and its clips."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="The data set's file to hold back as the new ticket's clip.")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for logs, tickets and pictures of the demo.")
    ] = Path(".state"),
) -> None:
    """Play the whole story, in separate processes: history, new ticket, webhook, comment.

    Needs no account, no Docker, no GPU and no model hub. Ends with status 0 when the true duplicate
    is among the first three suggestions (with --clip: when the ticket was answered), else 1.
    """
    from dejabug.demo.story import tell_story

    raise typer.Exit(tell_story(state / "demo", data=data, query=query, clip=clip))


@app.command()
@plain_errors
def up(
    data: Annotated[Path | None, typer.Option(help="Another data set, as for `demo`.")] = None,
    state: Annotated[Path, typer.Option(help="Folder that keeps everything.")] = Path(".state"),
) -> None:
    """Start the demo's studio and keep it running to play with; Ctrl-C ends it."""
    from dejabug.demo.story import keep_up

    raise typer.Exit(keep_up(state / "up", data=data))

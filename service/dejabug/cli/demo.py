"""`dejabug demo` and `dejabug up`: a game studio with a stand-in Jira, on this machine."""

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
        typer.Option(help="File the new ticket with your own video."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own data set: a folder with `manifest.jsonl` and its clips."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Which file of the data set is the new ticket's clip.")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for the demo's logs, tickets and images.")
    ] = Path(".state"),
) -> None:
    """See it work: a new ticket gets a comment, in a stand-in Jira.

    Needs no account, no Docker, no GPU and no model hub. The exit status is 0 when one of the first
    three suggestions is the true duplicate (with --clip: when the ticket was processed), else 1.
    """
    from dejabug.demo.story import tell_story

    raise typer.Exit(tell_story(state / "demo", data=data, query=query, clip=clip))


@app.command(rich_help_panel=TRY_IT)
@plain_errors
def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Your own data set: a folder with `manifest.jsonl` and its clips."),
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder that keeps tickets, index and settings.")
    ] = Path(".state"),
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port of Déjà Bug: 8765 or the last one; 0 for any free one."
        ),
    ] = None,
    jira_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port of Jira: 8766 or the last one; 0 for any free one."
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete what was kept, and start from the beginning.")
    ] = False,
) -> None:
    """Run Déjà Bug with a stand-in Jira, to try it in a browser.

    Prints the addresses of the search page, the status page, the API docs, Jira and the panel, a
    link that signs you in, and what to try first. Ctrl-C stops it; the next start continues where
    you left off. The first start indexes 155 clips: about two minutes on two cores.

    Everything listens on 127.0.0.1 only. On a remote machine, forward both ports:
    `ssh -L 8765:127.0.0.1:8765 -L 8766:127.0.0.1:8766 HOST`.
    """
    from dejabug.demo.up import keep_up

    raise typer.Exit(
        keep_up(state / "up", data=data, service_port=port, jira_port=jira_port, reset=reset)
    )

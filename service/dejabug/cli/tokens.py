"""`dejabug token`: create, list and revoke API tokens."""

from __future__ import annotations

import json
import re
import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.access.tokens import ApiToken
from dejabug.cli.common import (
    ADMINISTRATION,
    app,
    complaints,
    console,
    fail,
    open_services,
    plain_errors,
)
from dejabug.infra.errors import UserError

tokens = typer.Typer(
    name="token",
    help="Create, list and revoke API tokens.",
    no_args_is_help=True,
)
app.add_typer(tokens, rich_help_panel=ADMINISTRATION)
UNITS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


@tokens.command()
@plain_errors
def create(
    name: Annotated[str, typer.Option(help="What the token is for, e.g. `ci`.")],
    project: Annotated[
        list[str],
        typer.Option("--project", "-p", help="A project that the token can search; repeatable."),
    ],
    expires: Annotated[
        str | None,
        typer.Option(help="How long the token is valid: `12h`, `90d`, `52w`. Default: forever."),
    ] = None,
    verdicts: Annotated[
        bool,
        typer.Option("--verdicts", help="The token can also record whether issues are duplicates."),
    ] = False,
) -> None:
    """Create a token and print it. It can't be shown again.

    Only a hash of the token is stored.

    Example:

    `dejabug token create --name ci -p GAME --expires 90d`
    """
    try:
        secret, token = open_services().tokens.create(
            name, project, _lifetime(expires), verdicts=verdicts
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    typer.echo(secret)
    complaints.print(
        f"[dim]Created token {token.id} ({escape(token.name)}) for {', '.join(token.projects)}. "
        "Copy it now: it can't be shown again.[/]",
        highlight=False,
    )


@tokens.command(name="list")
@plain_errors
def list_tokens(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List all tokens except revoked ones."""
    found = open_services().tokens.all()
    if as_json:
        rows = [{**vars(token), "projects": list(token.projects)} for token in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("id", "name", "projects", "created", "expires", "last used")
    for token in found:
        projects, last = ", ".join(token.projects), _day(token.last_used)
        if token.verdicts:
            projects += " (verdicts)"
        table.add_row(
            token.id, escape(token.name), projects, _day(token.created), _end(token), last
        )
    console.print(
        table if found else "No tokens. Create one with: dejabug token create --name ci -p GAME"
    )


@tokens.command()
@plain_errors
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="The token's id, as `dejabug token list` shows it.")
    ],
) -> None:
    """Revoke a token immediately.

    Its sessions, media links and running searches end as well.
    """
    if not open_services().tokens.revoke(token_id):
        fail(f"unknown token: {token_id}. See the ids with: dejabug token list")
    console.print(f"Revoked token {escape(token_id)}.")


def _lifetime(expires: str | None) -> float | None:
    if expires is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([hdw])", expires.strip().lower(), re.ASCII)
    if found is None:
        fail(f"--expires {expires} is not a valid duration; expected for example 12h, 90d or 52w")
    return int(found[1]) * UNITS[found[2]]


def _end(token: ApiToken) -> str:
    return f"{_day(token.expires)}{' (expired)' if token.expired(time.time()) else ''}"


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) if when else "never"

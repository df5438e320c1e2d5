"""`dejabug token`: who may use the API."""

from __future__ import annotations

import json
import re
import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.access.tokens import ApiToken
from dejabug.cli.common import app, complaints, console, fail, open_services, plain_errors
from dejabug.infra.errors import UserError

tokens = typer.Typer(
    name="token", help="Make, list and revoke the tokens of the API.", no_args_is_help=True
)
app.add_typer(tokens)
UNITS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


@tokens.command()
@plain_errors
def create(
    name: Annotated[str, typer.Option(help="What it is for: `ci`.")],
    project: Annotated[
        list[str], typer.Option("--project", "-p", help="A project it may see; repeatable.")
    ],
    expires: Annotated[
        str | None, typer.Option(help="How long it is valid: `12h`, `90d`, `52w`; default: always.")
    ] = None,
    verdicts: Annotated[
        bool, typer.Option("--verdicts", help="It may also record whether issues are duplicates.")
    ] = False,
) -> None:
    """Make a token and print it, once: only its digest is kept."""
    try:
        secret, token = open_services().tokens.create(
            name, project, _lifetime(expires), verdicts=verdicts
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    typer.echo(secret)
    complaints.print(
        f"[dim]Token {token.id} ({escape(token.name)}) for {', '.join(token.projects)}. "
        "It is not shown again.[/]",
        highlight=False,
    )


@tokens.command(name="list")
@plain_errors
def list_tokens(
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """List the tokens that were not revoked."""
    found = open_services().tokens.all()
    if as_json:
        rows = [{**vars(token), "projects": list(token.projects)} for token in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("id", "name", "projects", "made", "expires", "last used")
    for token in found:
        projects, last = ", ".join(token.projects), _day(token.last_used)
        if token.verdicts:
            projects += " (verdicts)"
        table.add_row(
            token.id, escape(token.name), projects, _day(token.created), _end(token), last
        )
    console.print(table if found else "There are no tokens.")


@tokens.command()
@plain_errors
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """End a token at once, and every address and job that came of it."""
    if not open_services().tokens.revoke(token_id):
        fail(f"there is no token {token_id}; see: dejabug token list")
    console.print(f"Token {escape(token_id)} is revoked.")


def _lifetime(expires: str | None) -> float | None:
    if expires is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([hdw])", expires.strip().lower(), re.ASCII)
    if found is None:
        fail(f"not a time: {expires}; write for example 12h, 90d or 52w")
    return int(found[1]) * UNITS[found[2]]


def _end(token: ApiToken) -> str:
    return f"{_day(token.expires)}{' (over)' if token.expired(time.time()) else ''}"


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) if when else "never"

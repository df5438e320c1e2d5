"""`dejabug project`: the rules of each project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    ADMINISTRATION,
    app,
    console,
    counted,
    fail,
    open_services,
    plain_errors,
)
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.records.projects import MODES, Mode, Rules
from dejabug.services import Services
from dejabug.worker.jobs import forget_issue

MEANING = {
    "on": "comments and panel",
    "quiet": "panel only, no comments",
    "off": "not indexed, not shown, no comments",
}


@app.command(rich_help_panel=ADMINISTRATION)
@plain_errors
def project(
    key: Annotated[
        str | None, typer.Argument(help="The project's key, e.g. GAME. Default: list all.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="; ".join(f"{name}: {MEANING[name]}" for name in MODES) + ".")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help=f"Lowest score that comments list in this project, {COMMENT_FLOOR:g} to 1."
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove this project's rules and use the defaults.")
    ] = False,
    usual: Annotated[
        bool, typer.Option("--usual", hidden=True, help="Old name of `--reset`.")
    ] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget", help="Delete the project's issues, clips and thumbnails from Déjà Bug."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With `--forget`: don't ask for confirmation.")
    ] = False,
) -> None:
    """Show or set a project's rules: comments, panel, threshold.

    Existing comments are updated immediately: `--mode quiet` deletes them and keeps the panel.

    If a whole project disappears from Jira, its data is kept until you run this with `--forget`,
    because a lost permission looks the same as a deleted project.

    Examples:

    `dejabug project`

    `dejabug project GAME --mode quiet`

    `dejabug project GAME --threshold 0.9`

    `dejabug project GAME --reset`
    """
    reset = reset or usual
    services = open_services()
    if key is None:
        if mode or reset or forget or threshold is not None:
            fail("specify the project, for example: dejabug project GAME --mode quiet")
        _show(
            services,
            sorted(
                {
                    *services.collections.active.catalogue.projects(),
                    *services.records.projects.all(),
                }
            ),
        )
        return
    key = key.upper()
    if forget:
        _forget(services, key, yes)
        return
    old = services.records.projects.rules(key)
    kept = old.raised().threshold
    rules = Rules() if reset else Rules(_mode(mode) or old.mode, _first(threshold, kept))
    if rules != old:
        services.records.projects.put(key, rules)
        refreshed = services.scheduler.correct_comments_in(key)
        issues = counted(refreshed, "issue")
        console.print(f"[dim]Updating the comments of {issues} in {key}.[/]")
    _show(services, [key])
    if old.mode == "off" and rules.mode != "off":
        console.print(
            f"To index what arrived while {key} was off: "
            f'[bold]dejabug backfill "project = {key}"[/]'
        )


def _forget(services: Services, key: str, yes: bool) -> None:
    issues = list(services.collections.active.catalogue.issues_of(key))
    if not issues:
        fail(f"no issue of {key} is indexed")
    number = counted(len(issues), "issue")
    if not yes:
        typer.confirm(f"Delete {number} of {key} and their clips from Déjà Bug?", abort=True)
    for issue in issues:
        forget_issue(issue.id)
    console.print(f"Deleted {number} of {key} from Déjà Bug. Nothing changed in Jira.")


def _mode(asked: str | None) -> Mode | None:
    if asked is None:
        return None
    found: Mode | None = next((mode for mode in MODES if mode == asked.lower()), None)
    if found is None:
        fail(f"--mode {asked} is not a valid mode; expected one of: {', '.join(MODES)}")
    return found


def _first(new: float | None, old: float | None) -> float | None:
    return old if new is None else new


def _show(services: Services, keys: list[str]) -> None:
    table = Table("project", "mode", "threshold", "meaning")
    for key in keys:
        rules = services.records.projects.rules(key)
        usual = services.settings.comment_threshold
        shown = f"{usual:g} (default)" if rules.threshold is None else f"{rules.threshold:g}"
        if rules.too_low:
            shown = f"{COMMENT_FLOOR:g} ({rules.threshold:g} is too low)"
        table.add_row(escape(key), rules.mode, shown, MEANING[rules.mode])
    console.print(
        table if keys else 'No projects yet. Index one with: dejabug backfill "project = GAME"'
    )

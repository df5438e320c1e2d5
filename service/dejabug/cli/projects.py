"""`dejabug project`: how Déjà Bug behaves in each project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import app, console, fail, open_services, plain_errors
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.records.projects import MODES, Mode, Rules
from dejabug.services import Services
from dejabug.worker.jobs import forget_issue

MEANING = {
    "on": "comments and panel",
    "quiet": "the panel only",
    "off": "nothing is read, shown or commented",
}


@app.command()
@plain_errors
def project(
    key: Annotated[
        str | None, typer.Argument(help="The project's key, e.g. GAME; without one, all.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="; ".join(f"{name}: {MEANING[name]}" for name in MODES) + ".")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help=f"Least probability that is commented here, {COMMENT_FLOOR:g} to 1."),
    ] = None,
    usual: Annotated[
        bool, typer.Option("--usual", help="Back to the studio's usual rules.")
    ] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget", help="Forget its issues, clips and pictures, e.g. when it is gone."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before forgetting.")] = False,
) -> None:
    """Say how Déjà Bug behaves in a project, or show it. Comments that stand follow at once.

    `dejabug project GAME --mode quiet` leaves the panel and takes the comments away. A project that
    vanished from Jira as a whole is never forgotten without being told so: a lost permission looks
    the same.
    """
    services = open_services()
    if key is None:
        if mode or usual or forget or threshold is not None:
            fail("say for which project: dejabug project GAME --mode quiet")
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
    rules = Rules() if usual else Rules(_mode(mode) or old.mode, _first(threshold, kept))
    if rules != old:
        services.records.projects.put(key, rules)
        refreshed = services.scheduler.correct_comments_in(key)
        console.print(f"[dim]{refreshed} issues of {key} are looked at again.[/]")
    _show(services, [key])
    if old.mode == "off" and rules.mode != "off":
        console.print(f'Read in what came meanwhile: [bold]dejabug backfill "project = {key}"[/]')


def _forget(services: Services, key: str, yes: bool) -> None:
    issues = list(services.collections.active.catalogue.issues_of(key))
    if not issues:
        fail(f"no issue of {key} is known")
    if not yes:
        typer.confirm(f"Forget {len(issues)} issues of {key} with their clips?", abort=True)
    for issue in issues:
        forget_issue(issue.id)
    console.print(f"{len(issues)} issues of {key} are forgotten. Jira itself is as it was.")


def _mode(asked: str | None) -> Mode | None:
    if asked is None:
        return None
    found: Mode | None = next((mode for mode in MODES if mode == asked.lower()), None)
    if found is None:
        fail(f"no such mode: {asked}; there are: {', '.join(MODES)}")
    return found


def _first(new: float | None, old: float | None) -> float | None:
    return old if new is None else new


def _show(services: Services, keys: list[str]) -> None:
    table = Table("project", "mode", "comments from", "what that means")
    for key in keys:
        rules = services.records.projects.rules(key)
        usual = services.settings.comment_threshold
        shown = f"{usual:g} (usual)" if rules.threshold is None else f"{rules.threshold:g}"
        if rules.too_low:
            shown = f"{COMMENT_FLOOR:g} ({rules.threshold:g} is too low)"
        table.add_row(escape(key), rules.mode, shown, MEANING[rules.mode])
    console.print(table if keys else "No project is known yet.")

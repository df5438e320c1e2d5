"""How long footage is kept: `purge`."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    app,
    console,
    open_services,
    plain_errors,
    seconds_of,
    told_bars,
)
from dejabug.maintenance.purge import Old
from dejabug.records.retention import EVERY, What
from dejabug.records.types import ClipStatus
from dejabug.services import Services


@app.command(name="purge")
@plain_errors
def purge_footage(
    older_than: Annotated[
        str | None, typer.Option(help="What was attached longer ago: `730d`, `104w`.")
    ] = None,
    project: Annotated[
        list[str] | None, typer.Option("--project", "-p", help="Only there; repeatable.")
    ] = None,
    keep_vectors: Annotated[
        bool,
        typer.Option("--keep-vectors", help="Purge only what shows footage: pictures, previews."),
    ] = False,
    undo: Annotated[
        bool, typer.Option("--lift", help="Keep footage again; a backfill reads it in.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget clips that were attached long ago: their vectors, pictures and previews.

    They are not read in again, whatever finds them. The files in Jira, tickets' words and verdicts
    stay; comments that rest on a purged clip are brought in line. Without `--older-than`, tells
    what was purged and what holds. DEJABUG_RETENTION_DAYS does the same every day.
    """
    services, wanted = open_services(), {key.upper() for key in project or ()} or None
    if undo:
        count = services.footage_purge.lift(wanted)
        console.print(f"Footage is kept again. {count:,} clips come back with a backfill.")
        return
    if older_than is None:
        _show(services)
        return
    before = time.time() - seconds_of(older_than)
    what: What = "pictures" if keep_vectors else "clips"
    undated = services.footage_purge.date_clips()
    if undated.unknown:
        console.print(
            f"{undated.unknown:,} clips stay: Jira does not tell their age.", style="yellow"
        )
    old = services.footage_purge.find_old(before, wanted, what)
    _tell(old, before)
    if dry_run:
        console.print("[dim]Nothing was purged.[/]")
        return
    if not yes:
        typer.confirm(f"Purge {what} of {len(old):,} clips for good?", abort=True)
    if what == "clips":
        services.footage_purge.make_room(old)
    # First, so that nothing reads them in again while they go.
    for key in sorted(wanted or [EVERY]):
        services.records.retention.put(what, key, before)
    with told_bars() as tell:
        tell("Purging", 0, len(old))
        for done, _ in enumerate(services.footage_purge.purge(old, what), start=1):
            tell("Purging", done, len(old))
    console.print(f"{len(old):,} clips are purged. Jira itself is as it was.", highlight=False)


def _tell(old: list[Old], before: float) -> None:
    clips, frames = Counter[str](), Counter[str]()
    for each in old:
        clips[each.project] += 1
        frames[each.project] += each.clip.frames
    table = Table("project", "clips", "frames", title=f"Attached before {_day(before)}")
    for key, count in sorted(clips.items()):
        table.add_row(escape(key or "unknown"), f"{count:,}", f"{frames[key]:,}")
    console.print(table if old else f"Nothing is left that was attached before {_day(before)}.")


def _show(services: Services) -> None:
    """What was purged, and from when on footage is kept."""
    cutoffs = services.records.retention.cutoffs()
    table = Table("project", "clips kept from", "pictures kept from")
    for key in sorted({*cutoffs.clips, *cutoffs.pictures}):
        name = "all" if key == EVERY else escape(key)
        table.add_row(name, *(_day(part.get(key, 0)) for part in (cutoffs.clips, cutoffs.pictures)))
    if cutoffs.always:
        table.add_row("DEJABUG_RETENTION_DAYS", _day(cutoffs.always), _day(cutoffs.always))
    console.print(table if table.row_count else "All footage is kept.")
    console.print(
        f"{services.collections.active.catalogue.count(ClipStatus.PURGED):,} clips are purged.",
        highlight=False,
    )


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(when)) if when else "ever"

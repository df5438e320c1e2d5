"""Delete old footage: `purge`."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    DATA_AND_BACKUP,
    app,
    console,
    counted,
    open_services,
    plain_errors,
    seconds_of,
    told_bars,
)
from dejabug.maintenance.purge import Old
from dejabug.records.retention import EVERY, What
from dejabug.records.types import ClipStatus
from dejabug.services import Services


@app.command(name="purge", rich_help_panel=DATA_AND_BACKUP)
@plain_errors
def purge_footage(
    older_than: Annotated[
        str | None,
        typer.Option(help="Delete clips attached longer ago than this: `730d`, `104w`."),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option("--project", "-p", help="Only clips of this project; repeatable."),
    ] = None,
    keep_vectors: Annotated[
        bool,
        typer.Option("--keep-vectors", help="Delete only thumbnails and previews."),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--lift", help="Allow old clips again; run a backfill to index them."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and stop.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Delete old clips: their vectors, thumbnails and previews.

    Purged clips are not indexed again, not even by a backfill. The files in Jira, ticket texts and
    verdicts stay; comments that list a purged clip are updated. Without `--older-than`, shows what
    was purged and the current limits. DEJABUG_RETENTION_DAYS does the same every day.

    Examples:

    `dejabug purge --older-than 730d --dry-run`

    `dejabug purge --older-than 104w -p GAME --keep-vectors`
    """
    services, wanted = open_services(), {key.upper() for key in project or ()} or None
    if undo:
        count = services.footage_purge.lift(wanted)
        clips = counted(count, "purged clip")
        console.print(f"Old clips are allowed again. To index {clips} again, run a backfill.")
        return
    if older_than is None:
        _show(services)
        return
    before = time.time() - seconds_of(older_than)
    what: What = "pictures" if keep_vectors else "clips"
    undated = services.footage_purge.date_clips()
    if undated.unknown:
        console.print(
            f"Keeping {counted(undated.unknown, 'clip')}: Jira doesn't show when they were "
            "attached.",
            style="yellow",
        )
    old = services.footage_purge.find_old(before, wanted, what)
    _tell(old, before)
    if dry_run:
        console.print("[dim]Nothing was purged.[/]")
        return
    if not yes:
        clips = counted(len(old), "clip")
        typer.confirm(
            f"Delete {clips} permanently?"
            if what == "clips"
            else f"Delete the thumbnails and previews of {clips} permanently?",
            abort=True,
        )
    if what == "clips":
        services.footage_purge.make_room(old)
    # First, so that nothing indexes them again during the purge.
    for key in sorted(wanted or [EVERY]):
        services.records.retention.put(what, key, before)
    with told_bars() as tell:
        tell("Purging", 0, len(old))
        for done, _ in enumerate(services.footage_purge.purge(old, what), start=1):
            tell("Purging", done, len(old))
    console.print(f"Purged {counted(len(old), 'clip')}. Nothing changed in Jira.", highlight=False)


def _tell(old: list[Old], before: float) -> None:
    clips, frames = Counter[str](), Counter[str]()
    for each in old:
        clips[each.project] += 1
        frames[each.project] += each.clip.frames
    table = Table("project", "clips", "frames", title=f"Attached before {_day(before)}")
    for key, count in sorted(clips.items()):
        table.add_row(escape(key or "unknown"), f"{count:,}", f"{frames[key]:,}")
    console.print(table if old else f"No clips attached before {_day(before)}.")


def _show(services: Services) -> None:
    """Print how many clips were purged, and the dates from which clips are kept."""
    cutoffs = services.records.retention.cutoffs()
    table = Table("project", "clips kept since", "thumbnails kept since")
    for key in sorted({*cutoffs.clips, *cutoffs.pictures}):
        name = "all" if key == EVERY else escape(key)
        table.add_row(name, *(_day(part.get(key, 0)) for part in (cutoffs.clips, cutoffs.pictures)))
    if cutoffs.always:
        table.add_row("DEJABUG_RETENTION_DAYS", _day(cutoffs.always), _day(cutoffs.always))
    console.print(table if table.row_count else "All clips are kept.")
    purged = services.collections.active.catalogue.count(ClipStatus.PURGED)
    console.print(f"Purged so far: {counted(purged, 'clip')}.", highlight=False)


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(when)) if when else "always"

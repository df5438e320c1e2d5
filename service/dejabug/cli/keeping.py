"""What is kept, where, and for how long: `export`, `import`, `copy-media`, `purge`."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    app,
    console,
    fail,
    open_services,
    plain_errors,
    seconds_of,
    told_bars,
)
from dejabug.maintenance.backup import Counts, check_backup
from dejabug.maintenance.purge import Old
from dejabug.records.retention import EVERY, What
from dejabug.records.types import ClipStatus
from dejabug.services import Services


@app.command(name="export")
@plain_errors
def export_backup(
    file: Annotated[Path, typer.Argument(help="Where to, e.g. `dejabug-2026-01-12.zip`.")],
) -> None:
    """Write a backup: tickets, vectors, verdicts, lessons, rules, tokens' digests, comments' ids.

    The service may run meanwhile. The file is whole, or it is not there; only its owner may read
    it. Pictures and previews are files already (DEJABUG_DATA_DIR, or DEJABUG_MEDIA_STORE), and are
    made anew when missing.
    """
    try:
        with told_bars() as tell:
            manifest = open_services().backup_writer.write(file, tell)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    console.print(
        f"{_counted(manifest.counts)} in {escape(str(file))} ({decimal(file.stat().st_size)}).",
        highlight=False,
    )


@app.command(name="import")
@plain_errors
def import_backup(
    file: Annotated[Path, typer.Argument(help="A file that `dejabug export` wrote.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Add what is missing to a Redis that is not empty.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read the file only: is it whole?")
    ] = False,
) -> None:
    """Restore a backup into an empty Redis.

    Nothing is written unless the whole file can be believed. A restore that was broken off goes on
    when it is called again. `dejabug reconcile` then repairs what happened since the backup.
    """
    with told_bars() as tell:
        if check:
            manifest = check_backup(file, tell)
        else:
            manifest = open_services().backup_reader.read(file, tell, merge=merge)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest.created))
    done = "The backup is whole" if check else "Restored"
    console.print(
        f"{done}: {_counted(manifest.counts)}, of {made} by version {escape(manifest.version)}.",
        highlight=False,
    )


@app.command(name="copy-media")
@plain_errors
def copy_to_store() -> None:
    """Copy pictures and previews from the folder DEJABUG_DATA_DIR to DEJABUG_MEDIA_STORE.

    For a service that moves to an object store. The folder stays as it is; called again, it copies
    what is missing.
    """
    with told_bars() as tell:
        copied = open_services().media_copy.run(tell)
    console.print(
        f"Copied the pictures of {copied.pictures:,} clips, and {copied.previews:,} previews.",
        highlight=False,
    )


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


def _counted(counts: Counts) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts)

"""Backups, and moving media to an object store: `export`, `import`, `copy-media`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape

from dejabug.cli.common import (
    DATA_AND_BACKUP,
    app,
    console,
    counted,
    fail,
    open_services,
    plain_errors,
    told_bars,
)
from dejabug.maintenance.backup import Counts, check_backup


@app.command(name="export", rich_help_panel=DATA_AND_BACKUP)
@plain_errors
def export_backup(
    file: Annotated[Path, typer.Argument(help="The file to write, e.g. `dejabug-2026-01-12.zip`.")],
) -> None:
    """Write a backup to a file.

    The backup has tickets, vectors, verdicts, learned weights, project rules, token hashes and
    comment ids. The service can keep running. The file is complete or doesn't exist, and only its
    owner can read it. Thumbnails and previews are not included: they are files in DEJABUG_DATA_DIR
    or DEJABUG_MEDIA_STORE, and are created again if missing.

    Example:

    `dejabug export dejabug-2026-01-12.zip`
    """
    try:
        with told_bars() as tell:
            manifest = open_services().backup_writer.write(file, tell)
    except OSError as error:
        fail(f"can't write {file}: {error.strerror}")
    console.print(
        f"Wrote {escape(str(file))} ({decimal(file.stat().st_size)}): {_counted(manifest.counts)}.",
        highlight=False,
    )


@app.command(name="import", rich_help_panel=DATA_AND_BACKUP)
@plain_errors
def import_backup(
    file: Annotated[Path, typer.Argument(help="A file written by `dejabug export`.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Add what is missing to a Redis that is not empty.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check the file without restoring it.")
    ] = False,
) -> None:
    """Restore a backup into an empty Redis.

    The whole file is checked before anything is written. Safe to interrupt (Ctrl-C); run it again
    to resume. Then run `dejabug reconcile` to catch up on what changed since the backup.

    Examples:

    `dejabug import dejabug-2026-01-12.zip --check`

    `dejabug import dejabug-2026-01-12.zip`
    """
    with told_bars() as tell:
        if check:
            manifest = check_backup(file, tell)
        else:
            manifest = open_services().backup_reader.read(file, tell, merge=merge)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest.created))
    done = "The backup is complete" if check else "Restored"
    console.print(
        f"{done}: {_counted(manifest.counts)}. Created {made} by version "
        f"{escape(manifest.version)}.",
        highlight=False,
    )


@app.command(name="copy-media", rich_help_panel=DATA_AND_BACKUP)
@plain_errors
def copy_to_store() -> None:
    """Copy thumbnails and previews to an object store.

    Copies from the folder DEJABUG_DATA_DIR to DEJABUG_MEDIA_STORE, for a service that moves to an
    object store. The folder doesn't change. Run it again to copy what is missing.

    Example:

    `DEJABUG_MEDIA_STORE=s3://bucket/dejabug dejabug copy-media`
    """
    with told_bars() as tell:
        copied = open_services().media_copy.run(tell)
    console.print(
        f"Copied the thumbnails of {counted(copied.pictures, 'clip')}, and "
        f"{counted(copied.previews, 'preview')}.",
        highlight=False,
    )


def _counted(counts: Counts) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts)

"""Backups and media elsewhere: `export`, `import`, `copy-media`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape

from dejabug.cli.common import (
    app,
    console,
    fail,
    open_services,
    plain_errors,
    told_bars,
)
from dejabug.maintenance.backup import Counts, check_backup


@app.command(name="export")
@plain_errors
def export_backup(
    file: Annotated[Path, typer.Argument(help="Where to, e.g. `dejabug-2026-01-12.zip`.")],
) -> None:
    """Write a backup: tickets, vectors, verdicts, lessons, rules, tokens' digests, comments' ids.

    The service may run meanwhile. The file is whole, or it is not there; only its owner may read
    it. Pictures and previews are files already (DEJABUG_DATA_DIR, or DEJABUG_MEDIA_STORE), and are
    made again when missing.
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

    Nothing is written unless the whole file can be believed. A restore that was interrupted goes on
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


def _counted(counts: Counts) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts)

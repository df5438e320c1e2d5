"""`dejabug index`: check, repair and move the vectors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from dejabug.cli.common import (
    DATA_AND_BACKUP,
    app,
    console,
    counted,
    fail,
    open_services,
    plain_errors,
    progress_bars,
    told_bars,
)
from dejabug.maintenance.index_repair import Repaired
from dejabug.maintenance.signature_backfill import (
    NO_WORKER,
    QUEUE,
)
from dejabug.records.types import ClipStatus

index = typer.Typer(
    name="index",
    help="Check, repair and move the vector index.",
    no_args_is_help=True,
)
app.add_typer(index, rich_help_panel=DATA_AND_BACKUP)


@index.command(name="repair")
@plain_errors
def repair_index() -> None:
    """Compare the index with the records of clips and tickets, and fix differences.

    Queues clips and ticket texts that Redis lost, to be indexed again. Removes entries of deleted
    clips. Workers run the same repair automatically after each restart of Redis.
    """
    services = open_services()
    for collection in services.collections.indexed():
        report = Repaired()
        with told_bars() as tell:
            known = collection.catalogue.count(ClipStatus.INDEXED)
            for report in services.index_repair.repair(collection):
                tell("Comparing", report.clips, known)
        console.print(f"[bold]{escape(collection.name)}[/]: {_told(report)}", highlight=False)


@index.command(name="signatures")
@plain_errors
def fill_in_signatures(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the clips without a signature, then stop.")
    ] = False,
) -> None:
    """Add signatures to clips that an earlier version indexed.

    A signature identifies copies of the same recording: small grey images, four per second.
    Workers download each clip from Jira again and decode it once. The vectors don't change. Safe
    to interrupt (Ctrl-C); run it again to resume.
    """
    services = open_services()
    lacking = services.signature_backfill.missing()
    clips = counted(len(lacking), "clip")
    if not lacking:
        console.print("Every indexed clip has a signature.")
        return
    if dry_run:
        console.print(f"{clips} without a signature. Nothing was queued.", highlight=False)
        return
    with progress_bars() as progress:
        task = progress.add_task("Queueing", total=len(lacking), note="")
        for step in services.signature_backfill.queue(lacking):
            progress.update(task, completed=step.queued, note=step.pause)
    console.print(f"{clips} queued. See how many are left with: dejabug index signatures --dry-run")
    if not services.queues.has_worker(QUEUE):
        console.print(f"{NO_WORKER[0].upper()}{NO_WORKER[1:]}", style="yellow")


@index.command(name="move")
@plain_errors
def move(
    delete: Annotated[
        bool,
        typer.Option("--delete", help="After the move: delete the vectors from DEJABUG_REDIS_URL."),
    ] = False,
) -> None:
    """Move the vectors to a separate Redis.

    Copies them from DEJABUG_REDIS_URL to DEJABUG_INDEX_REDIS_URL. Stop all workers first; webhooks
    still arrive and wait in their queue. Then start the web service and the workers with the new
    setting, and run this again with `--delete` to free the memory of the old Redis.

    Example:

    `DEJABUG_INDEX_REDIS_URL=redis://vectors:6379/0 dejabug index move`
    """
    services = open_services()
    with told_bars() as tell:
        done = (services.index_move.remove_moved if delete else services.index_move.move)(tell)
    if delete:
        console.print(f"Deleted {counted(done, 'key')} from DEJABUG_REDIS_URL.", highlight=False)
        return
    console.print(
        f"Copied {counted(done, 'key')}. Start the web service and the workers with this "
        "DEJABUG_INDEX_REDIS_URL, then free the memory with: dejabug index move --delete",
        highlight=False,
    )


@index.command(name="adopt")
@plain_errors
def adopt(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Use the current vector Redis, even if empty, when the old one is lost.

    Missing clips and ticket texts are indexed again from Jira (`dejabug index repair`), or come
    from a backup (`dejabug import --merge`).
    """
    services = open_services()
    if services.collections.location.holds():
        fail("this Redis already holds the vectors. To check them, run: dejabug index repair")
    address = services.settings.index_redis_address
    if not yes:
        typer.confirm(f"Keep this installation's vectors in {address} from now on?", abort=True)
    services.collections.location.adopt()
    console.print(
        f"The vectors are now kept in {escape(address)}. Restart the web service and the workers, "
        "then index what is missing with: dejabug index repair",
        highlight=False,
    )


def _told(report: Repaired) -> str:
    found = (
        (report.lost_clips, "missing clip", "queued again"),
        (report.lost_tickets, "missing ticket text", "queued again"),
        (report.stray, "deleted clip", "removed"),
        (report.moved, "misplaced clip", "corrected (their project or game differed)"),
    )
    wrong = [f"{counted(count, what)} {done}" for count, what, done in found if count]
    looked = f"{counted(report.clips, 'clip')} and {counted(report.tickets, 'ticket')} compared"
    return f"{looked}; {', '.join(wrong) or 'nothing is missing'}."

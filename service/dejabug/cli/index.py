"""`dejabug index`: where the vectors are, and whether all are there."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from dejabug.cli.common import (
    app,
    console,
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
    help="The vectors: whether all are there, and a Redis of their own for them.",
    no_args_is_help=True,
)
app.add_typer(index)


@index.command(name="repair")
@plain_errors
def repair_index() -> None:
    """Compare the index with the records of clips and tickets, and mend what differs.

    Clips and words that Redis has lost are queued to be embedded again, what was forgotten and is
    back is forgotten again. Workers do the same by themselves after each start of Redis.
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
        bool, typer.Option("--dry-run", help="Only count the clips without a signature.")
    ] = False,
) -> None:
    """Add signatures to clips that an earlier version indexed.

    A signature is a small grey picture, four times a second, by which copies of one recording are
    recognised. Workers download each clip from Jira and decode it once; its vectors stay as they
    are. You can stop this command at any time and call it again.
    """
    services = open_services()
    lacking = services.signature_backfill.missing()
    clips = f"{len(lacking):,} {'clip' if len(lacking) == 1 else 'clips'}"
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
    console.print(f"{clips} queued. See what is left with: dejabug index signatures --dry-run")
    if not services.queues.has_worker(QUEUE):
        console.print(f"{NO_WORKER[0].upper()}{NO_WORKER[1:]}", style="yellow")


@index.command(name="move")
@plain_errors
def move(
    delete: Annotated[
        bool,
        typer.Option("--delete", help="Afterwards: take them out of the Redis of the queues."),
    ] = False,
) -> None:
    """Move the vectors from DEJABUG_REDIS_URL to a Redis of their own, DEJABUG_INDEX_REDIS_URL.

    Stop all workers first; webhooks come in meanwhile, and wait. Then start everything with that
    setting. The old vectors stay where they were until this is called with --delete.
    """
    services = open_services()
    with told_bars() as tell:
        done = (services.index_move.remove_moved if delete else services.index_move.move)(tell)
    if delete:
        console.print(f"{done:,} keys are gone from the Redis of the queues.", highlight=False)
        return
    console.print(
        f"{done:,} keys were copied. Start the web service and the workers with this "
        "DEJABUG_INDEX_REDIS_URL, then free the memory with: dejabug index move --delete",
        highlight=False,
    )


@index.command(name="adopt")
@plain_errors
def adopt(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Begin with the vectors that the present Redis has, even none: the right one is lost.

    What it lacks is embedded again from Jira, or comes from a backup (`dejabug import --merge`).
    """
    services = open_services()
    if services.collections.location.holds():
        fail("this Redis holds the vectors already; compare them with: dejabug index repair")
    address = services.settings.index_redis_address
    if not yes:
        typer.confirm(f"Keep this installation's vectors in {address} from now on?", abort=True)
    services.collections.location.adopt()
    console.print(
        f"The vectors are kept in {escape(address)} from now on. Restart web and workers, and "
        "see what is missing with: dejabug index repair",
        highlight=False,
    )


def _told(report: Repaired) -> str:
    found = {
        "clips were lost, and wait to be embedded again": report.lost_clips,
        "tickets' words were lost, and wait": report.lost_tickets,
        "clips were back that had been forgotten": report.stray,
        "were in another project or game than their issue": report.moved,
    }
    wrong = [f"{count:,} {what}" for what, count in found.items() if count]
    looked = f"{report.clips:,} clips and {report.tickets:,} tickets compared"
    return f"{looked}; {', '.join(wrong) or 'all is there'}."

"""`dejabug encoder`: which model answers, and how another one takes over."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from dejabug.cli.common import (
    INTERRUPTED,
    app,
    complaints,
    console,
    duration,
    fail,
    open_services,
    plain_errors,
    progress_bars,
)
from dejabug.maintenance.encoder_switch import EncoderSwitch
from dejabug.records.collection import Collection
from dejabug.records.types import ClipStatus
from dejabug.services import Services

encoders = typer.Typer(
    name="encoder",
    help="Which model answers; re-index with another one, and switch to it.",
    no_args_is_help=True,
)
app.add_typer(encoders)
# Clips that were lost on the way are listed up to this many.
LISTED = 20


@encoders.command(name="list")
@plain_errors
def list_encoders(
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """List the encoders that there are vectors of: which one serves, how far the next one is."""
    services = open_services()
    rows = [_row(services, collection) for collection in services.collections.all()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    whole = Column("encoder", overflow="fold")  # it is there to be copied
    table = Table(whole, "does", "clips", "failed", "waiting", "tickets wait", "workers")
    for row in rows:
        counts = [row[name] for name in ("indexed", "failed", "queued", "words_waiting", "workers")]
        table.add_row(escape(row["encoder"]), row["role"], *(f"{count:,}" for count in counts))
    console.print(table)


@encoders.command()
@plain_errors
def change(
    name: Annotated[
        str | None, typer.Argument(help="The new encoder's name; default: that of the settings.")
    ] = None,
    swap: Annotated[
        bool, typer.Option(help="Let it serve as soon as all is in; else only make it ready.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Let it serve though clips were lost on the way.")
    ] = False,
) -> None:
    """Re-index with another model, then switch to it.

    First start workers with the new model's settings, beside the old ones: they embed, and the old
    ones answer until the new index is complete. Safe to interrupt (Ctrl-C); run it again to resume.
    The old model's index stays: run it with the old name to switch back.
    """
    services = open_services()
    wanted = name or services.collections.configured.name
    old = services.collections.active_name
    _prepare(services, wanted)
    if not swap:
        console.print(
            f"[bold]{escape(wanted)}[/] is ready, and new tickets go into both. {escape(old)} "
            "serves on. To let the new one serve, call this again without --no-swap.",
            highlight=False,
        )
        return
    _tell(services.encoder_change.swap(wanted, force=force))


@encoders.command()
@plain_errors
def forget(
    name: Annotated[str, typer.Argument(help="An encoder that does not serve.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take away all vectors and records of an encoder that does not serve.

    To use it later, you must re-index with it. Tickets, verdicts and comments stay; what was
    learned for this encoder is deleted.
    """
    services = open_services()
    if name not in {collection.name for collection in services.collections.all()}:
        fail(f"nothing is kept under {name}; dejabug encoder list shows what is")
    if not yes:
        typer.confirm(f"Forget all vectors of {name}?", abort=True)
    gone = services.encoder_change.forget(name)
    console.print(f"{escape(name)} is forgotten: {gone:,} keys.", highlight=False)


def _prepare(services: Services, name: str) -> None:
    with progress_bars() as progress:
        clips = progress.add_task("Embedding clips", total=None, note="")
        tickets = progress.add_task("Their tickets", total=None, note="")
        try:
            for step in services.encoder_change.prepare(name):
                counts = step.counts
                note = step.note or f"{step.workers} workers, about {duration(step.left.high)}"
                total = max(counts.known, counts.done)
                progress.update(clips, completed=counts.done, total=total, note=note)
                issues = services.collections.active.catalogue.issue_count()
                progress.update(tickets, completed=issues - counts.tickets, total=issues)
            progress.update(clips, note="")
        except KeyboardInterrupt:
            progress.stop()
            complaints.print(
                "Interrupted. The same command goes on from there; new tickets go into both "
                "collections meanwhile, and the old encoder serves. To give it up: "
                f"dejabug encoder forget '{escape(name)}'",
                highlight=False,
            )
            raise typer.Exit(INTERRUPTED) from None


def _tell(switch: EncoderSwitch) -> None:
    """What the swap has changed, and what is to be done next."""
    old, new = escape(switch.old.name), escape(switch.new.name)
    count = switch.new.catalogue.count
    lost = list(switch.lost())
    console.print(
        f"[bold]{new}[/] serves now: {count(ClipStatus.INDEXED):,} clips, "
        f"{count(ClipStatus.FAILED):,} could not be used, of which {len(lost):,} could before. "
        "Comments stay as they are until something happens on their tickets.",
        highlight=False,
    )
    for clip in lost[:LISTED]:
        issue = switch.new.catalogue.issue(clip.issue_id)
        key = issue.key if issue else clip.issue_id
        console.print(f"  {key} {escape(clip.filename)}: {escape(clip.reason)}", style="yellow")
    if len(lost) > LISTED:
        console.print(f"  … and {len(lost) - LISTED:,} more", style="yellow")
    console.print(
        "Next:\n"
        "  1. Give all processes the new encoder's settings, and stop the workers that have the "
        "old ones.\n"
        "  2. Its scores are the shipped ones until you call: dejabug learn\n"
        f"  3. Back, if need be: dejabug encoder change '{old}' (with its workers)\n"
        f"  4. When you are sure: dejabug encoder forget '{old}'",
        highlight=False,
        soft_wrap=True,
    )


def _row(services: Services, collection: Collection) -> dict[str, Any]:
    roles = services.collections.active_encoder.roles()
    role = {roles.active: "serves", roles.candidate or "": "next"}.get(collection.name, "kept")
    return {
        "encoder": collection.name,
        "role": role,
        **{status.value: collection.catalogue.count(status) for status in ClipStatus},
        "words_waiting": len(collection.catalogue.all_words_waiting()),
        "workers": services.queues.workers_of(collection)["clips"],
    }

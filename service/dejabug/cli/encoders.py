"""`dejabug encoder`: list the models, re-index with another one, switch to it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from dejabug.cli.common import (
    INTERRUPTED,
    QUALITY,
    app,
    complaints,
    console,
    counted,
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
    help="List the models, re-index with another one, and switch to it.",
    no_args_is_help=True,
)
app.add_typer(encoders, rich_help_panel=QUALITY)
# What the table calls the roles of `--json`.
ROLES = {"serves": "in use", "next": "next", "kept": "kept"}
# At most this many lost clips are listed.
LISTED = 20


@encoders.command(name="list")
@plain_errors
def list_encoders(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List the models that have an index: which one is in use, and the next one's progress."""
    services = open_services()
    rows = [_row(services, collection) for collection in services.collections.all()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    whole = Column("encoder", overflow="fold")  # never shortened, so that it can be copied
    table = Table(whole, "role", "clips", "failed", "waiting", "tickets waiting", "workers")
    for row in rows:
        counts = [row[name] for name in ("indexed", "failed", "queued", "words_waiting", "workers")]
        role = ROLES[row["role"]]
        table.add_row(escape(row["encoder"]), role, *(f"{count:,}" for count in counts))
    console.print(table)


@encoders.command()
@plain_errors
def change(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the new model's encoder. Default: the one of the settings."),
    ] = None,
    swap: Annotated[
        bool, typer.Option(help="Switch when everything is indexed, or only re-index.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Switch even if some clips failed with the new model.")
    ] = False,
) -> None:
    """Re-index with another model, then switch to it.

    First start workers with the new model's settings, next to the old ones. The new workers index;
    the old ones answer searches until the new index is complete. Safe to interrupt (Ctrl-C); run
    it again to resume. The old model's index is kept: to switch back, run this with the old name.

    Example:

    `DEJABUG_CLIP_MODEL=openai/clip-vit-large-patch14 dejabug encoder change`
    """
    services = open_services()
    wanted = name or services.collections.configured.name
    old = services.collections.active_name
    _prepare(services, wanted)
    if not swap:
        console.print(
            f"[bold]{escape(wanted)}[/] is ready, and new tickets are indexed with both models. "
            f"{escape(old)} is still in use. To switch, run this again without --no-swap.",
            highlight=False,
        )
        return
    _tell(services.encoder_change.swap(wanted, force=force))


@encoders.command()
@plain_errors
def forget(
    name: Annotated[
        str, typer.Argument(help="Name of an encoder that is not in use; see the list command.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Delete the index of a model that is not in use.

    Deletes its vectors, clip records and learned weights. Tickets, verdicts and comments stay. To
    use the model later, you must re-index with it.
    """
    services = open_services()
    if name not in {collection.name for collection in services.collections.all()}:
        fail(f"unknown encoder: {name}. See the names with: dejabug encoder list")
    if not yes:
        typer.confirm(f"Delete all vectors of {name}?", abort=True)
    gone = services.encoder_change.forget(name)
    console.print(f"Deleted {escape(name)}: {counted(gone, 'key')}.", highlight=False)


def _prepare(services: Services, name: str) -> None:
    with progress_bars() as progress:
        clips = progress.add_task("Indexing clips", total=None, note="")
        tickets = progress.add_task("Indexing tickets", total=None, note="")
        try:
            for step in services.encoder_change.prepare(name):
                counts = step.counts
                workers = counted(step.workers, "worker")
                note = step.note or f"{workers}, about {duration(step.left.high)} left"
                total = max(counts.known, counts.done)
                progress.update(clips, completed=counts.done, total=total, note=note)
                issues = services.collections.active.catalogue.issue_count()
                progress.update(tickets, completed=issues - counts.tickets, total=issues)
            progress.update(clips, note="")
        except KeyboardInterrupt:
            progress.stop()
            complaints.print(
                "Interrupted. Run the same command again to resume. Until then, new tickets are "
                "indexed with both models and the old model stays in use. To cancel the change: "
                f"dejabug encoder forget '{escape(name)}'",
                highlight=False,
            )
            raise typer.Exit(INTERRUPTED) from None


def _tell(switch: EncoderSwitch) -> None:
    """Print what the switch changed, and what to do next."""
    old, new = escape(switch.old.name), escape(switch.new.name)
    count = switch.new.catalogue.count
    lost = list(switch.lost())
    console.print(
        f"[bold]{new}[/] is now in use: {counted(count(ClipStatus.INDEXED), 'clip')} indexed, "
        f"{count(ClipStatus.FAILED):,} failed ({len(lost):,} of them worked with the old model). "
        "A comment is updated the next time its ticket changes.",
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
        "  1. Start all processes with the new model's settings, and stop the workers that have "
        "the old ones.\n"
        "  2. The scores use the default weights. To learn from your duplicates: dejabug learn\n"
        f"  3. To switch back: dejabug encoder change '{old}' (start its workers first)\n"
        f"  4. To delete the old index: dejabug encoder forget '{old}'",
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

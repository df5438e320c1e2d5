"""Reading a backlog in, and repairing what webhooks missed: `backfill`, `reconcile`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

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
    seconds_of,
)
from dejabug.ingest import backfill as reading
from dejabug.ingest import reconcile as repairing
from dejabug.ingest.backfill_estimate import Survey
from dejabug.records.throughput import Estimate
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.worker.periodic import LEARNING, queue_if_due

# Seconds between two looks at how far the workers are.
POLL = 0.3
# Clips that could not be read are listed up to this many; `--json` has their number.
LISTED = 20


@app.command()
@plain_errors
def backfill(
    jql: Annotated[
        str,
        typer.Argument(help='Which issues to read, e.g. `"project = GAME AND created > -104w"`.'),
    ],
    restart: Annotated[
        bool, typer.Option(help="Start again, even if a run of this JQL was interrupted.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the workers have done the clips.")] = True,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only tell how many clips there are, and how long it takes."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Read a backlog in: the clips of all issues that a JQL finds. No issue gets a comment.

    Oldest issues come first, whatever order the JQL has. Safe to interrupt (Ctrl-C); run it again
    to resume. It pauses when Jira asks for it, and while the workers have enough to do;
    `--no-wait` ends when all is read, and without any worker when the queue is full.
    """
    services = open_services()
    if dry_run:
        _tell_survey(services, jql, as_json)
        return
    with _bars(as_json) as progress:
        step = _read(services, jql, restart, wait, progress)
        if wait:
            _wait_for_clips(services, progress)
    queue_if_due(services, LEARNING, now=True)  # from the duplicates that it told of
    indexed, failed = (
        services.collections.active.catalogue.count(status)
        for status in (ClipStatus.INDEXED, ClipStatus.FAILED)
    )
    if as_json:
        told = {"issues": step.issues, "queued": step.clips, "indexed": indexed, "failed": failed}
        typer.echo(json.dumps(told, indent=2))
        return
    console.print(f"{step.clips} clips queued; {indexed} are indexed now, {failed} could not be.")
    _list_failed(services, failed)


def _read(
    services: Services, jql: str, restart: bool, wait: bool, progress: Progress
) -> reading.Progress:
    """Read all pages; Ctrl-C, and a full queue that nobody works on, end the command with how to go
    on."""
    bar = progress.add_task("Reading issues", total=None, note="")
    step = reading.Progress(0, 0)
    try:
        for step in services.backfill.run(jql, restart=restart):
            note = step.pause or f"{step.clips:,} clips"
            progress.update(bar, completed=step.issues, total=step.total or None, note=note)
            if step.stuck and not wait:
                progress.stop()
                fail(
                    f"{step.pause}. {step.issues:,} issues are read; "
                    "start a worker and call this again: it goes on where it was"
                )
    except KeyboardInterrupt:
        progress.stop()
        complaints.print(
            f"Interrupted after {step.issues:,} of about {step.total:,} issues. The same command "
            "goes on from there; its workers may go on meanwhile.",
            highlight=False,
        )
        raise typer.Exit(INTERRUPTED) from None
    return step


def _wait_for_clips(services: Services, progress: Progress) -> None:
    """Until no clip waits; says so when nobody works on them. Ctrl-C ends only the waiting."""
    total = services.collections.active.catalogue.count(ClipStatus.QUEUED)
    bar = progress.add_task("Embedding clips", total=total, note="")
    try:
        while waiting := services.collections.active.catalogue.count(ClipStatus.QUEUED):
            total = max(total, waiting)
            workers = services.queues.workers()["clips"]
            note = f"{workers} workers" if workers else "no worker: start `dejabug worker clips`"
            progress.update(bar, completed=total - waiting, total=total, note=note)
            time.sleep(POLL)
    except KeyboardInterrupt:
        progress.stop()
        complaints.print(f"All issues are read; {waiting:,} clips still wait for the workers.")
        raise typer.Exit(INTERRUPTED) from None
    progress.update(bar, completed=total, total=total, note="")


def _list_failed(services: Services, failed: int) -> None:
    for number, clip in enumerate(
        services.collections.active.catalogue.with_status(ClipStatus.FAILED)
    ):
        if number == LISTED:
            console.print(f"  … and {failed - LISTED:,} more", style="yellow")
            return
        issue = services.collections.active.catalogue.issue(clip.issue_id)
        key = issue.key if issue else clip.issue_id
        console.print(f"  {key} {escape(clip.filename)}: {escape(clip.reason)}", style="yellow")


def _tell_survey(services: Services, jql: str, as_json: bool) -> None:
    seen = Survey()
    with _bars(as_json) as progress:
        bar = progress.add_task("Looking through", total=None, note="")
        for seen in services.backfill_estimate.run(jql):
            note = seen.pause or f"{seen.clips:,} clips"
            progress.update(bar, completed=seen.issues, total=seen.total or None, note=note)
    workers = services.queues.workers()["clips"]
    estimate = services.collections.active.throughput.estimate(seen.new, seen.new_size, workers)
    if as_json:
        told = {**asdict(seen), "clips": seen.clips, "workers": workers}
        told.pop("pause")
        typer.echo(json.dumps({**told, "seconds": asdict(estimate)}, indent=2))
        return
    table = Table("kind", "files", "bytes", "clips", title=f"{seen.issues:,} issues")
    for name, kind in sorted(seen.kinds.items(), key=lambda item: (-item[1].clips, item[0])):
        table.add_row(escape(name), f"{kind.files:,}", decimal(kind.size), f"{kind.clips:,}")
    console.print(table)
    console.print(
        f"{seen.clips:,} clips: {seen.known:,} known already, {seen.too_large:,} larger than "
        f"DEJABUG_CLIP_MAX_BYTES ({decimal(services.settings.clip_max_bytes)}), "
        f"{seen.new:,} to be read ({decimal(seen.new_size)}).",
        highlight=False,
    )
    if seen.unsure:
        files = "1 other file is" if seen.unsure == 1 else f"{seen.unsure:,} other files are"
        console.print(
            f"{files} of an unknown kind: the first bytes will tell whether to read "
            f"{'it' if seen.unsure == 1 else 'them'}.",
            highlight=False,
        )
    if seen.new:
        console.print(_about(estimate, workers), highlight=False)
    console.print("[dim]Nothing was queued.[/]")


def _about(estimate: Estimate, workers: int) -> str:
    low, high = duration(estimate.low), duration(estimate.high)
    span = low if low == high else f"{low} to {high}"
    count = max(workers, 1)
    who = f"{count} worker" + ("s" if count > 1 else "")
    if estimate.measured:
        return f"About {span} with {who}, as measured here on the last {estimate.measured:,}."
    return f"About {span} with {who}; an assumption, since no clip was done here yet."


@contextmanager
def _bars(as_json: bool) -> Iterator[Progress]:
    """Progress bars; none where standard output is for a script."""
    progress = progress_bars()
    progress.disable = as_json
    with progress:
        yield progress


@app.command()
@plain_errors
def reconcile(
    since: Annotated[
        str | None,
        typer.Option(help="Look back so far at least: `90m`, `12h`, `3d`, `2w`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Find what webhooks missed, now, and have it repaired: changes, and deleted issues.

    Workers do this by themselves every DEJABUG_RECONCILE_MINUTES. Tickets and clips that are new
    since the last look (or since `--since`) may get a comment, as if their webhook had come.
    """
    back = seconds_of(since) if since else 0.0
    services = open_services()
    report = repairing.Report()
    with _bars(as_json) as progress:
        changes = progress.add_task("Changed issues", total=None, note="")
        check = progress.add_task("Deleted issues", total=None, note="")
        for report in services.reconciler.run(since=back, whole=True):
            progress.update(changes, completed=report.looked)
            progress.update(check, completed=report.checked, total=report.known or None)
        progress.update(changes, total=report.looked)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _tell_report(report)
    if report.doubt:
        fail(
            f"{report.doubt}. Nothing was forgotten: that looks like a lost permission or another "
            "account. Check DEJABUG_JIRA_USER, DEJABUG_JIRA_TOKEN and what the account may browse"
        )


def _tell_report(report: repairing.Report) -> None:
    if report.busy:
        console.print("Another round is at work just now; it does the same.")
        return
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(report.repaired.items()))
    count = sum(report.repaired.values())
    console.print(
        f"{report.looked:,} changed issues looked through, {report.checked:,} known ones checked. "
        + (f"{count:,} issues are read again: {reasons}." if count else "Nothing was missed."),
        highlight=False,
    )
    if report.refused:
        console.print(
            f"Jira shows us no project {', '.join(report.refused)}: deleted, or hidden from our "
            "account.",
            style="yellow",
        )

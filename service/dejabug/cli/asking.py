"""Reading a backlog in, and asking it."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from dejabug.backfill import read_backlog
from dejabug.catalogue import ClipStatus
from dejabug.cli.common import (
    app,
    console,
    fail,
    known_issue,
    open_rooms,
    plain_errors,
    progress_bars,
)
from dejabug.commenting import choose, find_for_issue
from dejabug.jira.comments import span, strength
from dejabug.questions import ask
from dejabug.rooms import Rooms

# Seconds between two looks at how far the workers are.
POLL = 0.3
# Clips that `dejabug similar` and `dejabug search` list by default.
RESULTS = 10


@app.command()
@plain_errors
def backfill(
    jql: Annotated[
        str,
        typer.Argument(help='Which issues to read, e.g. `"project = GAME AND created > -104w"`.'),
    ],
    restart: Annotated[
        bool, typer.Option(help="Begin anew, even if a run of this JQL was broken off.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the workers have done the clips.")] = True,
) -> None:
    """Read a backlog in: the clips of all issues that a JQL finds. No issue gets a comment.

    May be broken off at any time (Ctrl-C) and called again: it goes on where it was.
    """
    place = open_rooms()
    with progress_bars() as progress:
        total = place.jira.count(jql)
        bar = progress.add_task("Reading issues", total=total, note="")
        clips = 0
        for step in read_backlog(place, jql, restart=restart):
            clips = step.clips
            progress.update(bar, completed=step.issues, total=max(total, step.issues))
        if wait:
            _wait_for_clips(place, progress)
    indexed, failed = (
        place.catalogue.count(status) for status in (ClipStatus.INDEXED, ClipStatus.FAILED)
    )
    console.print(f"{clips} clips queued; {indexed} are indexed now, {failed} could not be.")
    for clip in sorted(place.catalogue.with_status(ClipStatus.FAILED), key=lambda clip: clip.id):
        issue = place.catalogue.issue(clip.issue_id)
        key = issue.key if issue else clip.issue_id
        console.print(f"  {key} {escape(clip.filename)}: {escape(clip.reason)}", style="yellow")


@app.command()
@plain_errors
def search(
    words: Annotated[str, typer.Argument(help='What to look for: `"car sinks into the road"`.')],
    project: Annotated[
        list[str] | None, typer.Option("--project", "-p", help="Only these projects.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Find clips by words: by what is seen in them, and by what their tickets say.

    `picture` and `ticket` are how near the words are to each. Tickets with a security level are
    left out.
    """
    place = open_rooms()
    projects = [name.upper() for name in project] if project else place.catalogue.projects()
    if not words.strip():
        fail("say what to look for")
    # More than asked for, since some may be left out.
    found = ask(place, words, projects, limit * 2)
    issues = place.jira.issues([hit["issue_id"] for hit in found])
    shown = [
        {**hit, "summary": issues[hit["issue_id"]].summary}
        for hit in found
        if hit["issue_id"] in issues and issues[hit["issue_id"]].security is None
    ][:limit]
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    table = Table(
        "score", "issue", "summary", "at", "picture", "ticket", title=escape(f"“{words}”")
    )
    for hit in shown:
        said = "" if hit["ticket"] is None else f"{hit['ticket']:.2f}"
        table.add_row(
            f"{hit['score']:.2f}",
            hit["issue"],
            escape(hit["summary"]),
            span(hit["start"], hit["end"]),
            f"{hit['picture']:.2f}",
            said,
        )
    console.print(table if shown else "Nothing is indexed in these projects.")
    console.print(f"[dim]{escape(place.encoder_label())}[/dim]")


@app.command()
@plain_errors
def similar(
    issue: Annotated[str, typer.Argument(help="The issue's key, e.g. GAME-123.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=20)] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """List the issues whose clips are most like this issue's, also those below the threshold."""
    place = open_rooms()
    record = known_issue(place, issue)
    clips = place.catalogue.clips_of(record.id)
    if not any(clip.status is ClipStatus.INDEXED for clip in clips):
        reasons = [f"{clip.filename}: {clip.reason or clip.status}" for clip in clips]
        fail(f"{issue} has no clip that is indexed. {'; '.join(reasons)}".strip())
    answer = find_for_issue(place, record)
    pairs = choose(answer, record, place.settings, threshold=-1.0, limit=limit)
    commented = {pair.found_issue_id for pair in answer.chosen}
    rows = [
        {
            "issue": answer.tickets[pair.found_issue_id].key,
            "summary": answer.tickets[pair.found_issue_id].summary,
            "status": answer.tickets[pair.found_issue_id].status,
            "score": round(pair.score, 4),
            "commented": pair.found_issue_id in commented,
            "moments": [
                {
                    "here": [moment.query_start, moment.query_end],
                    "there": [moment.match_start, moment.match_end],
                }
                for moment in pair.moments
            ],
        }
        for pair in pairs
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("score", "issue", "summary", "status", "here", "there", title=f"Like {issue}")
    for row, pair in zip(rows, pairs, strict=True):
        first = pair.moments[0] if pair.moments else None
        here = span(first.query_start, first.query_end) if first else ""
        there = span(first.match_start, first.match_end) if first else ""
        table.add_row(
            f"{pair.score:.2f} {strength(pair.score) if row['commented'] else '[dim]silent[/dim]'}",
            str(row["issue"]),
            escape(str(row["summary"])),
            escape(str(row["status"])),
            here,
            there,
        )
    console.print(table)
    console.print(
        f"[dim]Comments need {place.settings.comment_threshold}; {escape(place.encoder_label())}[/]"
    )


def _wait_for_clips(place: Rooms, progress: Progress) -> None:
    """Until no clip waits; says so when nobody works on them."""
    total = place.catalogue.count(ClipStatus.QUEUED)
    bar = progress.add_task("Embedding clips", total=total, note="")
    while waiting := place.catalogue.count(ClipStatus.QUEUED):
        total = max(total, waiting)
        workers = place.workers()["clips"]
        note = f"{workers} workers" if workers else "no worker: start `dejabug worker clips`"
        progress.update(bar, completed=total - waiting, total=total, note=note)
        time.sleep(POLL)
    progress.update(bar, completed=total, total=total, note="")

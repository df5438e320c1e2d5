"""Asking what was read in: by words, and by an issue."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.answers import comment_threshold, find_for_issue, for_comment
from dejabug.cli.common import (
    app,
    console,
    fail,
    known_issue,
    open_rooms,
    plain_errors,
)
from dejabug.jira.comments import span
from dejabug.labels import label, rounded_down
from dejabug.questions import ask

# Clips that `dejabug similar` and `dejabug search` list by default.
RESULTS = 10


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
        {**hit, "issue": issue.key, "summary": issue.summary}
        for hit in found
        if (issue := issues.get(hit["issue_id"])) is not None and issue.security is None
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
    answer = find_for_issue(place, record)
    if not answer.ranked and clips:
        reasons = [f"{clip.filename}: {clip.reason or clip.status}" for clip in clips]
        fail(f"{issue} has no clip that is indexed. {'; '.join(reasons)}".strip())
    threshold = comment_threshold(place, record.project, answer)
    most = place.settings.max_suggestions
    named = for_comment(place, record, answer, threshold=threshold, limit=most)
    commented = {choice.issue_id for choice in named}
    choices = for_comment(place, record, answer, threshold=-1.0, limit=limit)
    same_file = answer.same_file
    rows = [
        {
            "issue": answer.tickets[choice.issue_id].key,
            "summary": answer.tickets[choice.issue_id].summary,
            "status": answer.tickets[choice.issue_id].status,
            "score": rounded_down(choice.pair.score, 4),
            "label": label(choice.pair.score, same_file(choice)),
            "same_file": same_file(choice),
            "commented": choice.issue_id in commented,
            "also": [answer.tickets[other].key for other in choice.also],
            "moments": [
                {
                    "here": [moment.query_start, moment.query_end],
                    "there": [moment.match_start, moment.match_end],
                }
                for moment in choice.pair.moments
            ],
        }
        for choice in choices
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("score", "issue", "summary", "status", "here", "there", title=f"Like {issue}")
    for row, pair in zip(rows, (choice.pair for choice in choices), strict=True):
        first = pair.moments[0] if pair.moments else None
        here = span(first.query_start, first.query_end) if first else ""
        there = span(first.match_start, first.match_end) if first else ""
        said = "" if row["commented"] else "[dim], silent[/dim]"
        table.add_row(
            f"{rounded_down(pair.score):.2f} {row['label']}{said}",
            str(row["issue"]),
            escape(str(row["summary"])),
            escape(str(row["status"])),
            here,
            there,
        )
    console.print(table)
    console.print(f"[dim]Comments need {threshold:g}; {escape(place.encoder_label())}[/]")

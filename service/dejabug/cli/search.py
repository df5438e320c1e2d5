"""Asking what was read in: by words, and by an issue."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.access.principals import Caller, OperatorPrincipal
from dejabug.cli.common import (
    app,
    console,
    fail,
    known_issue,
    open_services,
    plain_errors,
)
from dejabug.infra.labels import rounded_down
from dejabug.jira.comments import span
from dejabug.jira.filing import filed_by
from dejabug.retrieval.reasons import in_short
from dejabug.retrieval.results import answered_by, public_json
from dejabug.search.disclosure import NO_FILTERS

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
    unlikely: Annotated[
        bool, typer.Option("--unlikely", help="Also results that are probably unrelated.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Find tickets by words: by what they say, and by what their clips show.

    Tickets with a security level are left out. The JSON is that of the API's results.
    """
    if not words.strip():
        fail("say what to look for")
    services = open_services()
    projects = (
        [name.upper() for name in project]
        if project
        else services.collections.active.catalogue.projects()
    )
    whoever = Caller(OperatorPrincipal(), frozenset(projects))
    found = services.search.by_words(whoever, words, NO_FILTERS, limit, unlikely=unlikely).results
    if as_json:
        typer.echo(json.dumps(public_json(found), indent=2))
        return
    if found:
        table = Table("match", "issue", "summary", "at", "found by", title=escape(f"“{words}”"))
        for each in found:
            moment = span(*each.moments[0].there) if each.moments else ""
            label = each.relevance or ""
            about = _about(each.summary, each.created, each.reporter, each.assignee)
            table.add_row(label, each.key, about, moment, answered_by(each))
        console.print(table)
    elif unlikely:
        console.print("Nothing is indexed in these projects.")
    else:
        console.print("No likely matches. Use other words, or see unlikely ones with: --unlikely")
    console.print(f"[dim]{escape(services.collections.active.label())}[/dim]")


@app.command()
@plain_errors
def similar(
    issue: Annotated[str, typer.Argument(help="The issue's key, e.g. GAME-123.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=20)] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """List the issues whose clips are most like this issue's, also those below the threshold."""
    services = open_services()
    record = known_issue(services, issue)
    clips = services.collections.active.catalogue.clips_of(record.id)
    answer = services.similar_issues.find_for_issue(record)
    if not answer.ranked and clips:
        failed = [f"{clip.filename}: {clip.reason or clip.status}" for clip in clips]
        fail(f"{issue} has no clip that is indexed. {'; '.join(failed)}".strip())
    threshold = services.comment_policy.threshold(record.project, answer)
    most = services.settings.max_suggestions
    named = services.comment_policy.choose(record, answer, threshold=threshold, limit=most)
    commented = {choice.issue_id for choice in named}
    choices = services.comment_policy.choose(record, answer, threshold=-1.0, limit=limit)
    curves = services.collections.active.calibrations
    reasons = [answer.reasons(choice, curves) for choice in choices]
    rows = [
        {
            "issue": answer.tickets[choice.issue_id].key,
            "summary": answer.tickets[choice.issue_id].summary,
            "status": answer.tickets[choice.issue_id].status,
            "created": answer.tickets[choice.issue_id].created,
            "reporter": answer.tickets[choice.issue_id].reporter,
            "assignee": answer.tickets[choice.issue_id].assignee,
            "score": rounded_down(choice.pair.score, 4),
            "label": answer.label(choice),
            "same_file": answer.same_file(choice),
            "same_recording": answer.same_recording(choice),
            "reasons": [each.model_dump() for each in why],
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
        for choice, why in zip(choices, reasons, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("score", "issue", "summary", "status", "here", "there", title=f"Like {issue}")
    for row, choice, why in zip(rows, choices, reasons, strict=True):
        ticket, pair = answer.tickets[choice.issue_id], choice.pair
        first = pair.moments[0] if pair.moments else None
        here = span(first.query_start, first.query_end) if first else ""
        there = span(first.match_start, first.match_end) if first else ""
        said = "" if row["commented"] else "[dim], silent[/dim]"
        rests_on = f"\n[dim]{short}[/dim]" if (short := in_short(why)) else ""
        table.add_row(
            f"{rounded_down(pair.score):.2f} {row['label']}{said}{rests_on}",
            str(row["issue"]),
            _about(ticket.summary, ticket.created, ticket.reporter, ticket.assignee),
            escape(str(row["status"])),
            here,
            there,
        )
    console.print(table)
    console.print(
        f"[dim]Comments need {threshold:g}; {escape(services.collections.active.label())}[/]"
    )


def _about(summary: str, created: str, reporter: str | None, assignee: str | None) -> str:
    """A summary, and below it when and by whom the ticket was filed, as a table's markup."""
    filed = filed_by(created, reporter, assignee)
    return escape(summary) + (f"\n[dim]{escape(filed)}[/dim]" if filed else "")

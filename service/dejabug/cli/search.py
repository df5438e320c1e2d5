"""Search the index by text or by an issue: `search`, `similar`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.access.principals import Caller, OperatorPrincipal
from dejabug.cli.common import (
    SEARCH,
    app,
    console,
    fail,
    known_issue,
    open_services,
    plain_errors,
)
from dejabug.infra.labels import rounded_down
from dejabug.jira.comments import span
from dejabug.retrieval.reasons import in_short
from dejabug.retrieval.results import answered_by, public_json
from dejabug.search.disclosure import NO_FILTERS

# Results that `dejabug similar` and `dejabug search` list by default.
RESULTS = 10


@app.command(rich_help_panel=SEARCH)
@plain_errors
def search(
    words: Annotated[
        str, typer.Argument(help='What the bug looks like, e.g. `"car sinks into the road"`.')
    ],
    project: Annotated[
        list[str] | None,
        typer.Option("--project", "-p", help="Search only this project; repeatable."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100, help="Most results to list.")
    ] = RESULTS,
    unlikely: Annotated[
        bool, typer.Option("--unlikely", help="Also list results that are probably unrelated.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Find tickets by text: what they say or what their clips show.

    Leaves out tickets with a security level. The JSON has the same fields as the API's results.

    Examples:

    `dejabug search "car sinks into the road"`

    `dejabug search "cow on a roof" -p GAME --json`
    """
    if not words.strip():
        fail('the search text is empty. Example: dejabug search "car sinks into the road"')
    services = open_services()
    projects = (
        [name.upper() for name in project]
        if project
        else services.collections.active.catalogue.projects()
    )
    caller = Caller(OperatorPrincipal(), frozenset(projects))
    found = services.search.by_words(caller, words, NO_FILTERS, limit, unlikely=unlikely).results
    if as_json:
        typer.echo(json.dumps(public_json(found), indent=2))
        return
    if found:
        table = Table("match", "issue", "summary", "at", "found by", title=escape(f"“{words}”"))
        for each in found:
            moment = span(*each.moments[0].there) if each.moments else ""
            label = each.relevance or ""
            table.add_row(label, each.key, escape(each.summary), moment, answered_by(each))
        console.print(table)
    elif unlikely:
        console.print(f"Nothing is indexed in {', '.join(sorted(projects)) or 'any project'}.")
    else:
        console.print("No likely matches. Try other words, or list unlikely ones with: --unlikely")
    console.print(f"[dim]{escape(services.collections.active.label())}[/dim]")


@app.command(rich_help_panel=SEARCH)
@plain_errors
def similar(
    issue: Annotated[str, typer.Argument(help="The issue's key, e.g. GAME-123.")],
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=20, help="Most results to list.")
    ] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List the issues that are most similar to an issue.

    Compares their clips and texts. Also lists issues with a score too low for the comment. The JSON
    has the same fields as the API's results, and `commented`: whether the comment lists the issue.

    Example:

    `dejabug similar GAME-123`
    """
    services = open_services()
    record = known_issue(services, issue)
    clips = services.collections.active.catalogue.clips_of(record.id)
    answer = services.similar_issues.find_for_issue(record)
    if not answer.ranked and clips:
        failed = [f"{clip.filename}: {clip.reason or clip.status}" for clip in clips]
        fail(f"no clip of {record.key} is indexed. {'; '.join(failed)}".strip())
    threshold = services.comment_policy.threshold(record.project, answer)
    most = services.settings.max_suggestions
    named = services.comment_policy.choose(record, answer, threshold=threshold, limit=most)
    commented = {choice.issue_id for choice in named}
    choices = services.comment_policy.choose(record, answer, threshold=-1.0, limit=limit)
    found = services.results.of(choices, answer.tickets)
    if as_json:
        rows: list[dict[str, Any]] = [
            {**row, "commented": row["issue"] in commented} for row in public_json(found)
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(
        *("score", "issue", "summary", "status", "in comment", "at", "there at"),
        title=f"Issues similar to {record.key}",
    )
    for choice, each in zip(choices, found, strict=True):
        first = each.moments[0] if each.moments else None
        rests_on = f"\n[dim]{short}[/dim]" if (short := in_short(each.reasons)) else ""
        table.add_row(
            f"{rounded_down(each.score):.2f} {answer.label(choice)}{rests_on}",
            each.key,
            escape(each.summary),
            escape(each.status),
            "yes" if each.issue in commented else "no",
            span(*first.here) if first and first.here else "",
            span(*first.there) if first else "",
        )
    console.print(table)
    console.print(
        f"[dim]The comment lists scores of {threshold:g} and more. "
        f"Encoder: {escape(services.collections.active.label())}[/]"
    )

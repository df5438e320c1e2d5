"""Measure and improve the search quality: `eval`, `verdict`, `learn`."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    QUALITY,
    app,
    complaints,
    console,
    counted,
    counting,
    fail,
    known_issue,
    open_services,
    plain_errors,
    progress_bars,
)
from dejabug.cli.scores import (
    draw_arrivals,
    measured,
    orders_in_words,
    print_arrivals,
    print_arrivals_fit,
    print_judged,
)
from dejabug.evaluation import ablation, arrivals, calibrate, report
from dejabug.evaluation.arrival_report import page_section
from dejabug.evaluation.corpus import Corpus, indexed
from dejabug.evaluation.from_jira import studio
from dejabug.evaluation.learning import MOST_ASKING, Learned
from dejabug.evaluation.learning import learn as learn_from
from dejabug.evaluation.rankings import evaluate
from dejabug.records.learned_parameters import (
    LearnedParameters,
    hold_learned,
    read_learned,
    scores_in_words,
    write_learned,
)
from dejabug.records.verdicts import Verdict
from dejabug.services import get_model_services
from dejabug.worker.learning_schedule import differ, study


@app.command("eval", rich_help_panel=QUALITY)
@plain_errors
def evaluate_search(
    manifest: Annotated[
        Path | None,
        typer.Argument(
            help="A data set: `manifest.jsonl` next to its clips, or the folder of both."
        ),
    ] = None,
    from_jira: Annotated[
        bool,
        typer.Option("--from-jira", help="Measure on this service's index and duplicate links."),
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this JSON file.")
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", help="Also write an HTML report with thumbnails of the misses."),
    ] = None,
    curve_file: Annotated[
        Path | None,
        typer.Option("--curve", help="Also plot precision and recall to this PNG file."),
    ] = None,
    by_arrivals: Annotated[
        bool,
        typer.Option(
            "--arrivals",
            help="Also measure the suggestions that tickets get as they arrive one by one. "
            "`--curve` and `--fit` then use these.",
        ),
    ] = False,
    orders: Annotated[
        int,
        typer.Option(min=1, help="With `--arrivals`: the number of random orders to replay."),
    ] = arrivals.ORDERS,
    steps: Annotated[
        bool,
        typer.Option("--ablation", help="Also measure the ranking with each step switched off."),
    ] = False,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Also fit the curves that turn similarity into scores."),
    ] = False,
    learning: Annotated[
        bool,
        typer.Option("--learn", help="Also measure how much learning from duplicates improves."),
    ] = False,
) -> None:
    """Measure the search quality on labelled clips.

    Reports MRR, mAP, HIT@1, HIT@5 and the mean rank. Each clip of a bug with a duplicate is a query
    for that duplicate among all clips of the set. Every ranking is measured: frames only, ticket
    text only, both, and the summary as a text search for videos. A data set goes through the real
    pipeline into a temporary index; the service's index is not changed. Settings apply, so
    `DEJABUG_FRAME_CROP=center dejabug eval …` measures that setting.

    `--arrivals` measures what users see. Every ticket, even one without a bug, is a query among the
    earlier tickets of its project (in a data set, each game is a project), and gets at most as many
    suggestions as a comment lists. At each threshold, precision is the share of suggestions that
    are right. Recall is the share of tickets with an earlier duplicate that get a right one. The
    calibration error shows how far the scores are from the measured probabilities. Groups with the
    same `related` id in the manifest show the same kind of bug elsewhere; suggestions of those are
    counted separately, as neither right nor wrong. With `--from-jira`, clips arrive in the order in
    which they were attached.

    The default encoder, CLIP, downloads its model from a hub. Without one, use
    `DEJABUG_ENCODER=starter`.

    Examples:

    `dejabug eval clips/ --html report.html`

    `dejabug eval --from-jira --arrivals`
    """
    if (manifest is None) == (not from_jira):
        fail(
            "specify what to measure: either a data set (dejabug eval FOLDER), or --from-jira for "
            "this service's own duplicates"
        )
    for path in filter(None, (json_file, html_file, curve_file)):
        if not path.parent.is_dir():
            fail(f"can't write {path}: the folder {path.parent} does not exist")
    services = open_services()
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bars())

        bar = partial(counting, progress)
        if manifest is not None:
            corpus = stack.enter_context(
                indexed(manifest, services.settings, progress=bar("Indexing clips"))
            )
        else:
            corpus = studio(get_model_services().measured())
        _warn(corpus)
        results = evaluate(corpus, progress=bar("Searching"))
        rows = list(ablation.ablate(corpus, bar("Steps"))) if steps else []
        replayed = (
            arrivals.replay(corpus, orders=orders, progress=bar("Arrivals"))
            if by_arrivals
            else None
        )
        in_order = measured(replayed, services.settings) if replayed else None
        how = orders_in_words(replayed, orders, dated=from_jira) if replayed else ""
        judged = {}
        if (curve_file or fit) and not by_arrivals:
            for name, use_words in (("clip alone", False), ("clip and words", True)):
                judged[name] = calibrate.judge(
                    corpus, use_words=use_words, progress=bar(f"Judging {name}")
                )
        learned = learn_from(corpus, bar("Learning")) if learning else None
        if html_file:
            section = page_section(in_order, how) if in_order else ""
            report.write_page(corpus, results, html_file, section)
        table = report.main_table(corpus, results, width=console.width)
        by_game, by_type = (report.breakdown(results, by) for by in ("game", "bug_type"))
        asking = len(corpus.queries())
        told, label = (
            report.as_json(corpus, results, in_order),
            corpus.services.collections.active.label(),
        )
    console.print(table)
    if len(by_game.rows) > 1:
        console.print(by_game)
    if len(by_type.rows) > 1:
        console.print(by_type)
    if rows:
        console.print(ablation.as_markdown(rows), highlight=False, markup=False)
    if judged:
        print_judged(judged, services.settings, asking, curve_file, fit)
    if replayed and in_order:
        print_arrivals(in_order, how)
        if curve_file:
            draw_arrivals(in_order, curve_file)
        if fit:
            print_arrivals_fit(replayed, services.settings)
    if learned is not None:
        console.print(_learned_table(learned))
    if json_file:
        json_file.write_text(told + "\n", "utf-8")
    console.print(f"[dim]{escape(label)}[/]")
    for path in filter(None, (json_file, html_file, curve_file)):
        console.print(f"[dim]Wrote {path}[/]", soft_wrap=True)


@app.command(rich_help_panel=QUALITY)
@plain_errors
def verdict(
    first: Annotated[str, typer.Argument(help="An issue's key, e.g. GAME-12.")],
    second: Annotated[str, typer.Argument(help="The other issue's key, e.g. GAME-34.")],
    same: Annotated[
        bool,
        typer.Option(
            "--same/--not-similar",
            help="Whether both issues are the same bug.",
            prompt="Are both issues the same bug?",
        ),
    ],
) -> None:
    """Record whether two issues are duplicates.

    An issue marked as not similar is never suggested for the other one again. Duplicate links in
    Jira are read automatically; use this for pairs that aren't linked. `dejabug learn` learns from
    both.

    Examples:

    `dejabug verdict GAME-12 GAME-34 --same`

    `dejabug verdict GAME-12 GAME-56 --not-similar`
    """
    services = open_services()
    issues = [known_issue(services, key) for key in (first, second)]
    services.records.verdicts.put(Verdict(issues[0].id, issues[1].id, same, "person"))
    for issue in issues:
        services.scheduler.suggest(issue.id)
    what = (
        "as the same bug"
        if same
        else "as not similar. They won't be suggested for each other again"
    )
    console.print(f"Recorded {issues[0].key} and {issues[1].key} {what}.")


@app.command(rich_help_panel=QUALITY)
@plain_errors
def learn(
    forget: Annotated[
        bool, typer.Option("--forget", help="Go back to the default weights.")
    ] = False,
) -> None:
    """Improve the scores by learning from your duplicates.

    Learns from verdicts and duplicate links how much each kind of evidence counts, so that a score
    is the probability of a duplicate in your studio. The learned weights are used only if they fit
    held-out duplicates better than the default ones. The index doesn't change. The weights belong
    to the encoder of the settings, even if it isn't in use yet.

    The service does this automatically every night and after a backfill. `--forget` goes back to
    the default weights and stops the nightly learning until you run `dejabug learn` again.
    """
    services = open_services().measured()
    name = services.collections.active_name
    if forget:
        before = read_learned(services.redis, name)
        write_learned(services.redis, name, LearnedParameters())
        if differ(before, LearnedParameters()):
            services.scheduler.correct_all_comments()
        hold_learned(services.redis, name, hold=True)
        console.print(
            "The scores use the default weights again. Nightly learning is off. To turn it on: "
            "dejabug learn"
        )
        return
    hold_learned(services.redis, name, hold=False)
    with progress_bars() as progress:
        learned = study(services, counting(progress, "Learning"), most_asking=MOST_ASKING)
    console.print(_learned_table(learned))
    console.print(f"Scores: {scores_in_words(services.redis, name)}.")


def _warn(corpus: Corpus) -> None:
    for file, why in corpus.failed.items():
        complaints.print(f"[yellow]{escape(file)} failed:[/] {escape(why)}")
    if not corpus.queries():
        fail(
            "no clip has a duplicate, so there is nothing to measure. In a data set, give clips of "
            "the same bug the same `group`. With --from-jira, link duplicates in Jira, or record "
            "some with: dejabug verdict"
        )


def _learned_table(learned: Learned) -> Table:
    table = Table("on held-out duplicates", "default", "learned", "used")
    table.add_row(
        f"loss in nats, {counted(learned.groups, 'group')}",
        f"{learned.loss_before:.3f}",
        f"{learned.loss_after:.3f}",
        f"{'[green]yes[/]' if learned.wins else 'no'} (better in {learned.sure:.0%} of resamples)",
    )
    return table

"""How good is the search, and making it better: `eval`, `verdict`, `learn`."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    app,
    complaints,
    console,
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


@app.command("eval")
@plain_errors
def evaluate_search(
    manifest: Annotated[
        Path | None,
        typer.Argument(help="A data set: `manifest.jsonl`, or its folder, with the clips beside."),
    ] = None,
    from_jira: Annotated[
        bool,
        typer.Option("--from-jira", help="The studio's own index and duplicate links instead."),
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures here, for machines.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Also write a report with pictures of misses.")
    ] = None,
    curve_file: Annotated[
        Path | None, typer.Option("--curve", help="Also draw precision and recall here (PNG).")
    ] = None,
    by_arrivals: Annotated[
        bool,
        typer.Option(
            "--arrivals",
            help="Also measure suggestions as tickets arrive one by one. "
            "`--curve` and `--fit` then use these.",
        ),
    ] = False,
    orders: Annotated[
        int,
        typer.Option(
            min=1, help="With `--arrivals`: how many random orders of arrival are replayed."
        ),
    ] = arrivals.ORDERS,
    steps: Annotated[
        bool, typer.Option("--ablation", help="Also measure each step of the ranking by itself.")
    ] = False,
    fit: Annotated[
        bool, typer.Option("--fit", help="Also fit the curves that turn evidence into scores.")
    ] = False,
    learning: Annotated[
        bool, typer.Option("--learn", help="Also measure what learning from duplicates gives.")
    ] = False,
) -> None:
    """Measure the search on labelled clips: mRR, mAP, HIT@1, HIT@5, mean rank.

    Every clip with a bug that has a duplicate asks for it, among all clips of the set, by every
    ranking: by its frames alone, its ticket's words alone, both, and with its summary as a search
    for videos. A data set goes through the real pipeline into a fresh index of its own; the
    service's is not touched. Settings of the environment count, so that
    `DEJABUG_FRAME_CROP=center dejabug eval …` measures that.

    `--arrivals` measures what users see: every ticket, also one without a bug, asks for duplicates
    among the tickets that came before it in its own project (each game of a data set is one), and
    gets at most as many suggestions as a comment names. At each threshold, precision is the share
    of suggestions that are right, recall the share of tickets with an earlier duplicate that get a
    right one; the calibration error tells how far scores are from what they promise. Groups that
    share a `related` id in the manifest show the same kind of bug elsewhere: such suggestions are
    counted apart, as neither right nor wrong. With `--from-jira`, clips arrive in the order in
    which they were attached.

    The service's encoder is CLIP; where no model hub is in reach: `DEJABUG_ENCODER=starter`.
    """
    if (manifest is None) == (not from_jira):
        fail("name a data set, or ask with --from-jira for the studio's own truth")
    for path in filter(None, (json_file, html_file, curve_file)):
        if not path.parent.is_dir():
            fail(f"there is no folder {path.parent} to write {path.name} into")
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
        results = evaluate(corpus, progress=bar("Asking"))
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
        console.print(f"[dim]written: {path}[/]", soft_wrap=True)


@app.command()
@plain_errors
def verdict(
    first: Annotated[str, typer.Argument(help="An issue's key, e.g. GAME-12.")],
    second: Annotated[str, typer.Argument(help="Another issue's key.")],
    same: Annotated[
        bool,
        typer.Option("--same/--not-similar", help="Whether both show the same bug.", prompt=True),
    ],
) -> None:
    """Tell that two issues are the same bug, or not: kept for good.

    A pair that is not similar is never suggested again. Duplicate links in Jira are read by
    themselves; this is for what they do not say. `dejabug learn` learns from all of it.
    """
    services = open_services()
    issues = [known_issue(services, key) for key in (first, second)]
    services.records.verdicts.put(Verdict(issues[0].id, issues[1].id, same, "person"))
    for issue in issues:
        services.scheduler.suggest(issue.id)
    what = "are the same bug" if same else "are not similar, and not suggested to each other again"
    console.print(f"{issues[0].key} and {issues[1].key} {what}.")


@app.command()
@plain_errors
def learn(
    forget: Annotated[
        bool, typer.Option("--forget", help="Go back to the scores as shipped.")
    ] = False,
) -> None:
    """Learn from the studio's verdicts and duplicate links; keep what wins on held-out ones.

    What is learned is how much each part of the evidence counts, so that a score means the
    probability of a duplicate in this studio. The index stays as it is. Lessons belong to the
    encoder of the settings, which need not serve yet.

    The service does this by itself every night, and after a backlog was read. `--forget` undoes it,
    and stops it until this command is called again.
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
            "The scores are as shipped again, and nothing is learned until: dejabug learn"
        )
        return
    hold_learned(services.redis, name, hold=False)
    with progress_bars() as progress:
        learned = study(services, counting(progress, "Learning"), most_asking=MOST_ASKING)
    console.print(_learned_table(learned))
    console.print(f"Scores: {scores_in_words(services.redis, name)}.")


def _warn(corpus: Corpus) -> None:
    for file, why in corpus.failed.items():
        complaints.print(f"[yellow]{escape(file)} could not be used:[/] {escape(why)}")
    if not corpus.queries():
        fail(
            "no clip has a duplicate, so there is nothing to ask for. In a data set, clips of one "
            "bug share a `group`; in a studio, link duplicates in Jira or tell: dejabug verdict"
        )


def _learned_table(learned: Learned) -> Table:
    table = Table("on held-out duplicates", "as shipped", "learned", "kept")
    table.add_row(
        f"loss in nats, {learned.groups} groups",
        f"{learned.loss_before:.3f}",
        f"{learned.loss_after:.3f}",
        f"{'[green]yes[/]' if learned.wins else 'no'} (better in {learned.sure:.0%} of resamples)",
    )
    return table

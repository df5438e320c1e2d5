"""What `dejabug eval` prints about scores: precision at the threshold, and refitted curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape

from dejabug.cli.common import console
from dejabug.evaluation import arrival_fit, arrival_report, calibrate, curve
from dejabug.evaluation.arrival_metrics import Figures, figures
from dejabug.evaluation.arrivals import Arrival, Asked, Replay
from dejabug.infra.errors import UserError
from dejabug.ranking import Calibrations
from dejabug.settings import Settings

# The names of the curves in dejabug.ranking.calibration.
NAMES = ("FRAMES_ONLY", "WITH_WORDS")


def measured(replayed: Replay, settings: Settings) -> dict[Asked, Figures]:
    """A replay's figures, with the comment's number of suggestions and its threshold."""
    return {asked: _figures(arrivals, settings) for asked, arrivals in replayed.items()}


def orders_in_words(replayed: Replay, orders: int, *, dated: bool) -> str:
    """The replayed orders of arrival, as text."""
    projects = len({arrival.project for arrival in replayed["clip"]})
    within = "1 project" if projects == 1 else f"{projects} projects"
    if dated:
        return f"in the order in which clips were attached ({within})"
    return f"in {'1 random order' if orders == 1 else f'{orders} random orders'} ({within})"


def print_arrivals(told: Mapping[Asked, Figures], orders: str) -> None:
    """Print the result in sentences and as a table."""
    title = f"suggestions as tickets arrive, {orders}"
    for asked, each in told.items():
        console.print(escape(arrival_report.in_words(asked, each)), highlight=False)
    console.print(arrival_report.table(told, title=title, width=console.width))


def draw_arrivals(told: Mapping[Asked, Figures], picture: Path) -> None:
    """Plot the precision-recall curves to a PNG file."""
    lines = {arrival_report.TITLES[asked]: each.curve for asked, each in told.items()}
    curve.draw(lines, next(iter(told.values())).default.threshold, picture)


def print_arrivals_fit(replayed: Replay, settings: Settings) -> None:
    """Print curves fitted on all arrivals, and their quality on projects left out of the fit."""
    _print_curves(arrival_fit.refit(replayed))
    try:
        held_out = arrival_fit.each_left_out(replayed)
    except UserError as error:
        console.print(f"Can't measure on held-out projects: {escape(str(error))}.")
        return
    print_arrivals(measured(held_out, settings), "each project held out of the fit of its curves")


def print_judged(
    judged: Mapping[str, Sequence[calibrate.Judged]],
    settings: Settings,
    asking: int,
    picture: Path | None,
    fit: bool,
) -> None:
    """Print the quality at the comment's threshold when each clip is compared with all others."""
    limit, threshold = settings.max_suggestions, settings.comment_threshold
    curves = {
        name: calibrate.precision_recall(pairs, limit=limit, asking=asking)
        for name, pairs in judged.items()
    }
    for name, points in curves.items():
        at = next((point for point in points if point.threshold >= threshold), None)
        error = calibrate.expected_calibration_error(judged[name])
        named = (
            f"{at.named} suggested, {at.precision:.1%} precision, {at.found:.1%} recall"
            if at
            else "no suggestions"
        )
        console.print(
            f"{name}, at the threshold {threshold:g}: {named}; calibration error {error:.3f}"
        )
    if picture:
        curve.draw(curves, threshold, picture)
    if fit:
        _print_curves(calibrate.refit(*judged.values()))
        for name, points in curves.items():
            least = calibrate.threshold_for(points)
            from_where = "at no threshold" if least is None else f"from {least.threshold:.3f}"
            console.print(f"{name}: {calibrate.WANTED_PRECISION:.0%} precision {from_where}")


def _print_curves(fitted: Calibrations) -> None:
    for name, line in zip(NAMES, (fitted.frames, fitted.with_words), strict=True):
        weights = ", ".join(f"{part} {value:.2f}" for part, value in asdict(line).items())
        console.print(f"{name}: {weights}")


def _figures(arrivals: Sequence[Arrival], settings: Settings) -> Figures:
    return figures(arrivals, limit=settings.max_suggestions, default=settings.comment_threshold)

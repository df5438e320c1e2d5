"""The report of an evaluation by arrivals: sentences and a table in the terminal, an HTML part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, select_autoescape
from markupsafe import Markup
from rich.table import Column, Table

from dejabug.evaluation.arrival_metrics import AtThreshold, Ends, Figures
from dejabug.evaluation.arrivals import Asked
from dejabug.evaluation.calibrate import WANTED_PRECISION

TITLES: dict[Asked, str] = {"clip": "clip alone", "clip_text": "clip and words"}
# With at least this many columns, there is room for intervals.
ROOM_FOR_INTERVALS = 92
# A plot in the HTML report, in its own units: the square from (0, 0) to (1, 1), and its axes.
SIDE, LEFT, TOP, RIGHT, BOTTOM = 300, 58, 14, 18, 48
# Radius of a bin with all of the suggestions, and of the smallest one.
LARGEST, SMALLEST = 22.0, 2.5

Told = Mapping[Asked, Figures]


def in_words(asked: Asked, told: Figures) -> str:
    """The main results in a sentence, the worst first."""
    at, parts = told.default, []
    if not at.named:
        parts.append(f"at threshold {at.threshold:g}, nothing is suggested")
    elif at.precision is None:
        parts.append(f"at threshold {at.threshold:g}, all {at.named} suggestions are only related")
    else:
        parts.append(
            f"at threshold {at.threshold:g}, {at.wrong} of {at.named} suggestions are wrong"
            + (f" and {at.related} related" if at.related else "")
        )
    if at.recall is None:
        parts.append("no ticket has an earlier duplicate")
    else:
        parts.append(
            f"{1 - at.recall:.0%} of tickets with an earlier duplicate get no correct suggestion"
        )
        parts.append(
            f"no threshold reaches {WANTED_PRECISION:.0%} precision"
            if told.recall_at_95 is None
            else f"at {WANTED_PRECISION:.0%} precision, recall is at most {told.recall_at_95:.0%}"
        )
    if told.ece is not None:
        parts.append(f"calibration error {told.ece:.3f}{_between(told.intervals.get('ece'), 3)}")
    return f"{TITLES[asked]}: {'; '.join(parts)}."


def table(told: Told, *, title: str, width: int) -> Table:
    """Every threshold, the default one in bold; with intervals if they fit into `width`
    characters."""
    room = width >= ROOM_FOR_INTERVALS
    names = ("query", "threshold", "suggested", "wrong", "related", "precision", "recall")
    title += "\nwith 95 % intervals" if room else ""
    found = Table(*(Column(name, no_wrap=True) for name in names), title=title)
    for asked, figures in told.items():
        rows = rows_of(figures)
        for row in rows:
            bold = "[bold]" if row.threshold == figures.default.threshold else ""
            found.add_row(
                TITLES[asked],
                f"{bold}{row.threshold:g}",
                str(row.named),
                str(row.wrong),
                str(row.related),
                *(
                    _cell(value, row.intervals.get(name) if room else None)
                    for name, value in (("precision", row.precision), ("recall", row.recall))
                ),
                end_section=row is rows[-1],
            )
    return found


def rows_of(told: Figures) -> list[AtThreshold]:
    """The thresholds of the table, including the default one, ascending."""
    by_threshold = {row.threshold: row for row in (*told.at, told.default)}
    return [by_threshold[threshold] for threshold in sorted(by_threshold)]


@dataclass(frozen=True)
class Dot:
    """A dot in a plot: position, radius, label, and tooltip."""

    x: float
    y: float
    radius: float
    label: str
    tip: str


@dataclass(frozen=True)
class Line:
    """A line in a plot and its dots; `points` in SVG's format."""

    asked: Asked
    points: str
    dots: tuple[Dot, ...]


def page_section(told: Told, orders: str) -> Markup:
    """The HTML report's part on arrivals: a table, a reliability diagram, the precision-recall
    curve."""
    template = (resources.files("dejabug.evaluation") / "arrivals.html").read_text("utf-8")
    page = Environment(autoescape=select_autoescape(default=True)).from_string(template)
    return Markup(  # noqa: S704 (rendered with escaping)
        page.render(
            told=told,
            titles=TITLES,
            rows_of=rows_of,
            in_words=in_words,
            orders=orders,
            reliability=[_reliability(asked, figures) for asked, figures in told.items()],
            curves=[_curve(asked, figures) for asked, figures in told.items()],
            wanted=WANTED_PRECISION,
            place=_place,
            ticks=[tick / 5 for tick in range(6)],
        )
    )


def _reliability(asked: Asked, told: Figures) -> Line:
    total = max(1, sum(each.count for each in told.bins))
    dots = []
    for each in told.bins:
        x, y = _place(each.score, each.right)
        tip = f"{each.count} suggestions, mean score {each.score:.2f}, {each.right:.0%} correct"
        radius = max(SMALLEST, LARGEST * (each.count / total) ** 0.5)
        dots.append(Dot(x, y, round(radius, 1), "", tip))
    return Line(asked, _points([(each.score, each.right) for each in told.bins]), tuple(dots))


def _curve(asked: Asked, told: Figures) -> Line:
    dots = []
    for row in rows_of(told):
        if row.precision is None or row.recall is None:
            continue
        x, y = _place(row.recall, row.precision)
        tip = f"at {row.threshold:g}: precision {row.precision:.0%}, recall {row.recall:.0%}"
        default = row.threshold == told.default.threshold
        dots.append(Dot(x, y, 5.5 if default else 3.0, f"{row.threshold:g}", tip))
    line = [(point.found, point.precision) for point in told.curve if point.named]
    return Line(asked, _points(line), tuple(dots))


def _points(line: Sequence[tuple[float, float]]) -> str:
    return " ".join("{:g},{:g}".format(*_place(x, y)) for x, y in line)


def _place(x: float, y: float) -> tuple[float, float]:
    return round(LEFT + x * SIDE, 1), round(TOP + (1 - y) * SIDE, 1)


def _cell(value: float | None, ends: Ends | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [dim]{ends[0]:.2f}–{ends[1]:.2f}[/]" if ends else "")


def _between(ends: Ends | None, digits: int) -> str:
    return f" ({ends[0]:.{digits}f}–{ends[1]:.{digits}f})" if ends else ""

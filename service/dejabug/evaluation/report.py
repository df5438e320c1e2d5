"""Reports of an evaluation: a table in the terminal, JSON for scripts, an HTML page with frames."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, select_autoescape
from markupsafe import Markup
from rich.table import Column, Table

from dejabug.evaluation import arrival_metrics
from dejabug.evaluation.arrival_metrics import Figures
from dejabug.evaluation.arrivals import Asked
from dejabug.evaluation.corpus import Corpus, Item
from dejabug.evaluation.metrics import Metrics
from dejabug.evaluation.rankings import Answer, Method, Mode, Result, chance

TITLES: dict[Mode, str] = {
    "clip": "clip alone",
    "text": "ticket text alone",
    "clip_text": "clip and words",
    "text_to_video": "text to video",
}
ROOM_FOR_INTERVALS = 106
MEANING = "with 95 % intervals; rank: mean rank of the first correct clip"
# Misses shown with frames, and frames of each clip.
MISSES = 12
PICTURES = 4
# Clips shown for each miss: the first ones found.
SHOWN = 3

Results = Mapping[Mode, Mapping[Method, Result]]


def main_table(corpus: Corpus, results: Results, *, width: int) -> Table:
    """Every mode and ranking, and chance; with intervals if `width` characters have room."""
    room = width >= ROOM_FOR_INTERVALS
    names = ("query", "ranking", "mRR", "mAP", "HIT@1", "HIT@5", "rank")
    table = Table(*(Column(name, no_wrap=True) for name in names), title=MEANING if room else None)
    for mode, methods in results.items():
        for method, result in methods.items():
            ends = result.interval.ends
            values = result.metrics.as_json()
            cells = [
                f"{values[name]:.3f}" + (f" [dim]{_short(low)}–{_short(high)}[/]" if room else "")
                for name in ("mrr", "map", "hit1", "hit5")
                for low, high in [ends.get(name, (0.0, 0.0))]
            ]
            bold = "[bold]" if method == "default" else ""
            table.add_row(mode, bold + method, *cells, f"{values['mean_rank']:.1f}")
        luck = chance(corpus, mode)
        cells = [f"{value:.3f}" for value in (luck.mrr, luck.map, luck.hit1, luck.hit5)]
        dim = [f"[dim]{cell}[/]" for cell in (*cells, f"{luck.mean_rank:.1f}")]
        table.add_row(mode, "[dim]chance[/]", *dim, end_section=True)
    return table


def breakdown(results: Results, by: str) -> Table:
    """The default ranking's mRR and mAP per `game` or `bug_type`."""
    shown = [mode for mode in results if "default" in results[mode]]
    title = "game" if by == "game" else "bug type"
    columns = (Column(title, no_wrap=True), "queries", *shown)
    table = Table(*columns, title="default ranking: mRR, mAP")
    for value, row in _broken_down(results, by).items():
        cells = [f"{row[mode].mrr:.2f}, {row[mode].map:.2f}" for mode in shown]
        table.add_row(value, str(row[shown[0]].queries), *cells)
    return table


def as_json(
    corpus: Corpus, results: Results, arrivals: Mapping[Asked, Figures] | None = None
) -> str:
    """Mode → ranking → metrics with intervals; in addition chance and breakdowns, and under
    `arrivals` the figures in order of arrival."""
    told: dict[str, Any] = {
        mode: {
            method: {
                **result.metrics.as_json(),
                "interval": {
                    name: [round(end, 4) for end in ends]
                    for name, ends in result.interval.ends.items()
                },
            }
            for method, result in methods.items()
        }
        for mode, methods in results.items()
    }
    told["chance"] = {mode: chance(corpus, mode).as_json() for mode in results}
    for by in ("game", "bug_type"):
        told[f"by_{by}"] = {
            value: {mode: metrics.as_json() for mode, metrics in row.items()}
            for value, row in _broken_down(results, by).items()
        }
    if arrivals is not None:
        told["arrivals"] = {
            asked: arrival_metrics.as_json(figures) for asked, figures in arrivals.items()
        }
    told["clips"], told["failed"] = len(corpus.items), corpus.failed
    told["encoder"] = corpus.services.collections.active.label()
    return json.dumps(told, indent=2)


@dataclass(frozen=True)
class Shown:
    """A clip on the page: its name and bug, its rank in the result, some of its frames."""

    item: Item
    rank: int
    right: bool
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Miss:
    """A query whose first relevant clip came late: the query, what was found instead, and what
    should have been found."""

    query: Shown
    rank: int
    found: tuple[Shown, ...]
    wanted: tuple[Shown, ...]


def write_page(corpus: Corpus, results: Results, path: Path, arrivals: Markup | str = "") -> None:
    """Write the HTML report: the tables, and the worst misses with their frames. One file, without
    scripts or external resources. `arrivals` is the part on arrivals, if any."""
    template = (resources.files("dejabug.evaluation") / "report.html").read_text("utf-8")
    environment = Environment(autoescape=select_autoescape(default=True))
    mode: Mode = "clip_text" if "clip_text" in results else next(iter(results))
    page = environment.from_string(template).render(
        corpus=corpus,
        results=results,
        titles=TITLES,
        luck={mode: chance(corpus, mode) for mode in results},
        tables={
            title: _broken_down(results, by)
            for title, by in (("game", "game"), ("bug type", "bug_type"))
        },
        arrivals=arrivals,
        missed_in=TITLES[mode],
        misses=list(_misses(corpus, results[mode]["default"])),
        encoder=corpus.services.collections.active.label(),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    path.write_text(page, "utf-8")


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _broken_down(results: Results, by: str) -> dict[str, dict[Mode, Metrics]]:
    """The default ranking's metrics per value of an item's `game` or `bug_type`."""
    first = next(iter(next(iter(results.values())).values()))
    rows: dict[str, dict[Mode, Metrics]] = {}
    for value in sorted({str(getattr(answer.query, by)) for answer in first.answers}):

        def wanted(item: Item, value: str = value) -> bool:
            return str(getattr(item, by)) == value

        rows[value] = {
            mode: methods["default"].of(wanted)
            for mode, methods in results.items()
            if "default" in methods
        }
    return rows


def _misses(corpus: Corpus, result: Result) -> Iterable[Miss]:
    item_of = {item.clip_id: item for item in corpus.items}
    worst = sorted(result.answers, key=lambda answer: (-answer.ranks[0], answer.query.name))
    for answer in worst[:MISSES]:
        if answer.ranks[0] == 1:
            return
        found = [
            _shown(corpus, item_of[clip], rank, answer)
            for rank, clip in enumerate(answer.order[:SHOWN], start=1)
        ]
        wanted = [
            _shown(corpus, item_of[clip], rank, answer)
            for rank in answer.ranks[:2]
            for clip in [answer.order[rank - 1]]
        ]
        own = _shown(corpus, answer.query, 0, answer)
        yield Miss(own, answer.ranks[0], tuple(found), tuple(wanted))


def _shown(corpus: Corpus, item: Item, rank: int, answer: Answer) -> Shown:
    clip = corpus.services.collections.active.index.clip_vectors([item.clip_id]).get(item.clip_id)
    pictures = []
    if clip is not None:
        count = min(PICTURES, len(clip.times))
        for number in range(count):
            time = float(clip.times[round((number + 0.5) * (len(clip.times) - 1) / count)])
            data = corpus.services.media.thumbnails.read(item.clip_id, time)
            if data:
                pictures.append(base64.b64encode(data).decode("ascii"))
    right = item.group is not None and item.group == answer.query.group
    return Shown(item, rank, right, tuple(pictures))

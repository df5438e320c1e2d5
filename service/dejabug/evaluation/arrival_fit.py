"""Curves from evidence to scores, fitted on pairs as they occur on arrival.

The pairs are each arrival's best FITTED earlier issues, over all orders, without related ones and
without pairs of screenshots, whose scores are capped. A project can be left out of the fit and then
evaluated, to estimate how well the curves work for games that they were not fitted on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dejabug.evaluation.arrivals import Arrival, Asked, Replay, Suggestion
from dejabug.evaluation.calibrate import fit_alone
from dejabug.infra.errors import UserError
from dejabug.ranking import Calibration, Calibrations
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.retrieval.similar_issues import STILLS_AT_MOST


def refit(replayed: Replay, *, without: str | None = None) -> Calibrations:
    """The two curves from all arrivals, or from those of all projects but one."""

    def curve(asked: Asked, start: Calibration) -> Calibration:
        pairs = [
            pair
            for arrival in replayed[asked]
            if arrival.project != without
            for pair in arrival.suggestions
            if pair.worded == (asked == "clip_text") and not pair.related and not pair.stills
        ]
        return fit_alone([pair.evidence for pair in pairs], [pair.right for pair in pairs], start)

    return Calibrations(curve("clip", FRAMES_ONLY), curve("clip_text", WITH_WORDS))


def rescored(arrivals: Iterable[Arrival], curves: Calibrations) -> list[Arrival]:
    """The same arrivals with the scores that these curves give, best first again."""
    return [
        replace(
            arrival,
            suggestions=tuple(
                sorted(
                    (_rescored(pair, curves) for pair in arrival.suggestions),
                    key=lambda pair: -pair.score,
                )
            ),
        )
        for arrival in arrivals
    ]


def each_left_out(replayed: Replay) -> dict[Asked, Sequence[Arrival]]:
    """All arrivals, those of each project scored by curves that were fitted on the others.

    Raises UserError when there is one project only.
    """
    projects = sorted({arrival.project for arrival in replayed["clip"]})
    if len(projects) < 2:
        raise UserError(
            f"all clips belong to one project ({', '.join(projects)}), so none can be left out of "
            "the fit"
        )
    told: dict[Asked, Sequence[Arrival]] = {}
    curves = {project: refit(replayed, without=project) for project in projects}
    for asked, arrivals in replayed.items():
        told[asked] = [
            arrival
            for project in projects
            for arrival in rescored((a for a in arrivals if a.project == project), curves[project])
        ]
    return told


def _rescored(pair: Suggestion, curves: Calibrations) -> Suggestion:
    score = curves.probability(pair.evidence)
    return replace(pair, score=min(score, STILLS_AT_MOST) if pair.stills else score)

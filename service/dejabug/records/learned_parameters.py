"""What a studio's verdicts have taught, kept in Redis beside the encoder that it belongs to."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import redis

from dejabug.index import slug_of
from dejabug.ranking import FITTED_SHARE, Calibration, Calibrations


@dataclass(frozen=True)
class LearnedParameters:
    """Refitted calibrations; None: as shipped. `share`: of the studio's tickets, how many have an
    earlier duplicate, 0 to 1; the shipped scores are brought in line with it."""

    calibrations: Calibrations | None = None
    share: float = FITTED_SHARE

    def in_force(self) -> Calibrations:
        """The calibrations that scores are made by. Learned ones know the studio's share."""
        return self.calibrations or Calibrations(share=self.share)


@dataclass(frozen=True)
class LearningReport:
    """What came of the last time that the service tried to learn.

    Attributes:
        at: when, in Unix seconds.
        tickets, duplicates: how many are known, and how many of them repeat an earlier one.
        groups: of duplicates that were learned from; 0 where they are too few.
        loss_before, loss_after: mean loss of held-out pairs, in nats, as shipped and as learned.
        kept: whether the learned weights are in force.
    """

    at: float
    tickets: int
    duplicates: int
    groups: int = 0
    loss_before: float = 0.0
    loss_after: float = 0.0
    kept: bool = False

    def in_words(self) -> str:
        """What the scores rest on, for people."""
        known = f"{self.duplicates:,} of {self.tickets:,} tickets are known duplicates"
        if self.kept:
            return (
                f"learned from this studio's {self.groups:,} groups of duplicates "
                f"(loss {self.loss_before:.3f} as shipped, {self.loss_after:.3f} learned); {known}"
            )
        if self.groups:
            return f"as shipped, since what this studio's links teach is no better; {known}"
        return f"as shipped, learned from the bundled games; {known}"


AS_SHIPPED = "as shipped, learned from the bundled games"


def read_learned(connection: redis.Redis, encoder: str) -> LearnedParameters:
    """What was learned for an encoder; nothing where nothing was. What an earlier version learned
    was of another score, and counts no more."""
    weights, share = connection.hmget(_key(encoder), "weights", "share")
    calibrations = None
    if weights:
        found: dict[str, dict[str, float]] = json.loads(weights)
        frames, with_words = (Calibration(**found[name]) for name in ("frames", "with_words"))
        calibrations = Calibrations(frames, with_words)
    return LearnedParameters(calibrations, float(share) if share else FITTED_SHARE)


def write_learned(connection: redis.Redis, encoder: str, lessons: LearnedParameters) -> None:
    """Keep these lessons for an encoder, in place of all earlier ones."""
    fields: dict[Any, Any] = {}
    if lessons.calibrations is not None:
        fields["weights"] = json.dumps(
            {
                "frames": asdict(lessons.calibrations.frames),
                "with_words": asdict(lessons.calibrations.with_words),
            }
        )
    if lessons.share != FITTED_SHARE:
        fields["share"] = lessons.share
    with connection.pipeline(transaction=True) as pipe:
        pipe.hdel(_key(encoder), "weights", "share", "curves", "shape", "projection")
        if fields:
            pipe.hset(_key(encoder), mapping=fields)
        pipe.execute()


def read_report(connection: redis.Redis, encoder: str) -> LearningReport | None:
    """What came of learning for an encoder the last time; None where nobody tried."""
    found = connection.hget(_key(encoder), "report")
    return LearningReport(**json.loads(found)) if found else None


def write_report(connection: redis.Redis, encoder: str, report: LearningReport) -> None:
    """Note what came of learning."""
    connection.hset(_key(encoder), "report", json.dumps(asdict(report)))


def hold_learned(connection: redis.Redis, encoder: str, *, hold: bool) -> None:
    """Have nothing learned automatically for an encoder any more, or again."""
    if hold:
        connection.hset(_key(encoder), "held", int(time.time()))
    else:
        connection.hdel(_key(encoder), "held")


def are_held(connection: redis.Redis, encoder: str) -> bool:
    """Whether somebody went back to the scores as shipped."""
    return bool(connection.hexists(_key(encoder), "held"))


def scores_in_words(connection: redis.Redis, encoder: str) -> str:
    """What an encoder's scores rest on, for people."""
    report = read_report(connection, encoder)
    told = AS_SHIPPED if report is None else report.in_words()
    return (
        f"{told}; nothing is learned until: dejabug learn"
        if are_held(connection, encoder)
        else told
    )


def _key(encoder: str) -> str:
    return f"dejabug:lessons:{slug_of(encoder)}"

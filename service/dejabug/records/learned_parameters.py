"""The weights that were learned from a studio's duplicates, in Redis for each encoder."""

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
    """Learned calibrations; None: the default ones. `share`: the share of the studio's tickets that
    have an earlier duplicate, 0 to 1, which adjusts the default scores."""

    calibrations: Calibrations | None = None
    share: float = FITTED_SHARE

    def in_force(self) -> Calibrations:
        """The calibrations in use. Learned ones already include the studio's share."""
        return self.calibrations or Calibrations(share=self.share)


@dataclass(frozen=True)
class LearningReport:
    """The result of the last learning.

    Attributes:
        at: when, in Unix seconds.
        tickets, duplicates: the known tickets, and how many of them are duplicates of earlier ones.
        groups: the groups of duplicates that were learned from; 0 if there are too few.
        loss_before, loss_after: mean loss on held-out pairs in nats, with the default and with the
            learned weights.
        kept: whether the learned weights are in use.
    """

    at: float
    tickets: int
    duplicates: int
    groups: int = 0
    loss_before: float = 0.0
    loss_after: float = 0.0
    kept: bool = False

    def in_words(self) -> str:
        """Which weights the scores use, for people."""
        known = f"{self.duplicates:,} of {self.tickets:,} tickets are known duplicates"
        if self.kept:
            groups = "1 group" if self.groups == 1 else f"{self.groups:,} groups"
            return (
                f"weights learned from {groups} of duplicates in this studio "
                f"(loss {self.loss_before:.3f} before, {self.loss_after:.3f} after); {known}"
            )
        if self.groups:
            return f"default weights, since the learned ones are not better; {known}"
        return f"{AS_SHIPPED}; {known}"


AS_SHIPPED = "default weights, learned from the bundled games"


def read_learned(connection: redis.Redis, encoder: str) -> LearnedParameters:
    """The learned weights of an encoder, or the default ones. Weights of an earlier version were
    for another score and are ignored."""
    weights, share = connection.hmget(_key(encoder), "weights", "share")
    calibrations = None
    if weights:
        found: dict[str, dict[str, float]] = json.loads(weights)
        frames, with_words = (Calibration(**found[name]) for name in ("frames", "with_words"))
        calibrations = Calibrations(frames, with_words)
    return LearnedParameters(calibrations, float(share) if share else FITTED_SHARE)


def write_learned(connection: redis.Redis, encoder: str, lessons: LearnedParameters) -> None:
    """Store learned weights for an encoder, replacing all earlier ones."""
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
    """The result of the last learning for an encoder; None if there was none."""
    found = connection.hget(_key(encoder), "report")
    return LearningReport(**json.loads(found)) if found else None


def write_report(connection: redis.Redis, encoder: str, report: LearningReport) -> None:
    """Store the result of learning."""
    connection.hset(_key(encoder), "report", json.dumps(asdict(report)))


def hold_learned(connection: redis.Redis, encoder: str, *, hold: bool) -> None:
    """Switch automatic learning for an encoder off (`hold`) or on."""
    if hold:
        connection.hset(_key(encoder), "held", int(time.time()))
    else:
        connection.hdel(_key(encoder), "held")


def are_held(connection: redis.Redis, encoder: str) -> bool:
    """Whether automatic learning is off, after someone went back to the default weights."""
    return bool(connection.hexists(_key(encoder), "held"))


def scores_in_words(connection: redis.Redis, encoder: str) -> str:
    """Which weights an encoder's scores use, for people."""
    report = read_report(connection, encoder)
    told = AS_SHIPPED if report is None else report.in_words()
    return (
        f"{told}; automatic learning is off, turn it on with: dejabug learn"
        if are_held(connection, encoder)
        else told
    )


def _key(encoder: str) -> str:
    return f"dejabug:lessons:{slug_of(encoder)}"

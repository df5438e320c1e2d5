"""Automatic learning from the studio's duplicates: after a backfill, and every night.

The learned weights are used only if they fit held-out duplicates better than the default ones.
`dejabug learn --forget` goes back to the default.
"""

from __future__ import annotations

import time

import structlog

from dejabug.evaluation.corpus import Progress, unseen
from dejabug.evaluation.from_jira import groups, studio
from dejabug.evaluation.learning import Learned, TooFewError, learn
from dejabug.ranking import FITTED_SHARE, Evidence
from dejabug.records import verdicts
from dejabug.records.learned_parameters import (
    LearnedParameters,
    LearningReport,
    are_held,
    read_learned,
    write_learned,
    write_report,
)
from dejabug.services import Services

log = structlog.get_logger()

# The lease between two runs, and the seconds between them.
TURN = "dejabug:learning-turn"
EVERY = 24 * 3600
# Query clips in one run: some minutes of work.
ASKING = 500
# The default share of duplicates counts like this many tickets. With fewer known duplicates than
# FEWEST, a studio without duplicates looks the same as one that never links them.
BELIEVED, FEWEST = 50, 10
# Comments are updated after learning if the score of one of these pairs changes by more than MUCH.
PROBES = tuple(
    Evidence(frames, words, rank, size)
    for frames, words in ((0.0, 0.2), (0.1, 0.1), (0.2, None), (-0.2, 0.2))
    for rank, size in ((0.0, 2.0), (1.0, 3.9))
)
MUCH = 0.02


def is_due(services: Services) -> bool:
    """Whether there are duplicates to learn from, and automatic learning is on."""
    known = services.redis.exists(verdicts.KEY)
    return bool(known) and not are_held(services.redis, services.collections.active_name)


def queue_name(services: Services) -> str:
    """The queue for learning: `previews` if it has a worker, so that nobody waits for it."""
    return "previews" if services.queues.has_worker("previews") else "default"


def learn_if_free(services: Services) -> None:
    """Learn weights for the active encoder, unless automatic learning is off."""
    if (
        not are_held(services.redis, services.collections.active_name)
        and services.collections.active.knows_dimensions()
    ):
        try:
            study(services, most_asking=ASKING)
        except TooFewError as error:
            log.info("nothing_learned", why=str(error))


def study(services: Services, progress: Progress = unseen, *, most_asking: int) -> Learned:
    """Learn weights for the active or measured encoder, keep them if they are better, and store a
    report.

    Raises TooFewError if there are too few duplicates to learn weights from. Then only the share of
    duplicates is stored.
    """
    before = read_learned(services.redis, services.collections.active_name)
    try:
        return _study(services, progress, most_asking)
    finally:
        after = read_learned(services.redis, services.collections.active_name)
        if differ(before, after) and services.collections.is_active(services.collections.active):
            services.scheduler.correct_all_comments()


def _study(services: Services, progress: Progress, most_asking: int) -> Learned:
    name = services.collections.active_name
    tickets, duplicates = count_duplicates(services)
    share = share_of(tickets, duplicates)
    try:
        learned = learn(studio(services), progress, most_asking=most_asking)
    except TooFewError:
        write_learned(services.redis, name, LearnedParameters(share=share))
        write_report(services.redis, name, LearningReport(time.time(), tickets, duplicates))
        raise
    write_learned(services.redis, name, LearnedParameters(learned.lessons.calibrations, share))
    report = LearningReport(
        time.time(),
        tickets,
        duplicates,
        learned.groups,
        learned.loss_before,
        learned.loss_after,
        learned.wins,
    )
    write_report(services.redis, name, report)
    log.info(
        "learned",
        kept=learned.wins,
        groups=learned.groups,
        loss_before=round(learned.loss_before, 4),
        loss_after=round(learned.loss_after, 4),
        sure=round(learned.sure, 3),
        share=round(share, 3),
    )
    return learned


def differ(before: LearnedParameters, after: LearnedParameters) -> bool:
    """Whether the same pairs get clearly different scores."""
    old, new = before.in_force(), after.in_force()
    return any(abs(old.probability(each) - new.probability(each)) > MUCH for each in PROBES)


def count_duplicates(services: Services) -> tuple[int, int]:
    """The number of known tickets, and how many of them are duplicates of an earlier one, by links
    and verdicts."""
    group_of = groups(services.records.verdicts.all())
    return services.collections.active.catalogue.issue_count(), len(group_of) - len(
        set(group_of.values())
    )


def share_of(tickets: int, duplicates: int) -> float:
    """The share of tickets that are duplicates of an earlier one, 0 to 1, drawn towards the
    default."""
    if duplicates < FEWEST:
        return FITTED_SHARE
    return (duplicates + BELIEVED * FITTED_SHARE) / (max(tickets, duplicates) + BELIEVED)

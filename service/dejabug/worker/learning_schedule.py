"""Learning from the studio's own duplicates, by itself: after a backlog was read, and every night.

What is learned is kept only where it fits held-out duplicates better than what is shipped, and
`dejabug learn --forget` goes back.
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

# Held for as long as no new lesson is due, in seconds.
TURN = "dejabug:learning-turn"
EVERY = 24 * 3600
# Clips that ask in one of these lessons: some minutes' work.
ASKING = 500
# The shipped share of duplicates is believed like this many tickets; and with fewer known
# duplicates than FEWEST nobody can tell a studio without duplicates from one that never links them.
BELIEVED, FEWEST = 50, 10
# Comments are brought in line with other weights where these pairs' scores change by as much.
PROBES = tuple(
    Evidence(frames, words, rank, size)
    for frames, words in ((0.0, 0.2), (0.1, 0.1), (0.2, None), (-0.2, 0.2))
    for rank, size in ((0.0, 2.0), (1.0, 3.9))
)
MUCH = 0.02


def is_due(services: Services) -> bool:
    """Whether there are duplicates to learn from, and learned weights are not held."""
    known = services.redis.exists(verdicts.KEY)
    return bool(known) and not are_held(services.redis, services.collections.active_name)


def queue_name(services: Services) -> str:
    """The queue for lessons: beside what somebody waits for, where a worker takes such jobs."""
    return "previews" if services.queues.has_worker("previews") else "default"


def learn_if_free(services: Services) -> None:
    """One lesson, for the encoder that serves."""
    if (
        not are_held(services.redis, services.collections.active_name)
        and services.collections.active.knows_dimensions()
    ):
        try:
            study(services, most_asking=ASKING)
        except TooFewError as error:
            log.info("nothing_learned", why=str(error))


def study(services: Services, progress: Progress = unseen, *, most_asking: int) -> Learned:
    """Learn for the encoder that counts, keep what wins, and note what came of it.

    Raises TooFewError where there are too few duplicates to learn weights from: then only their
    share is taken over.
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
    """Whether the same pairs get clearly other scores."""
    old, new = before.in_force(), after.in_force()
    return any(abs(old.probability(each) - new.probability(each)) > MUCH for each in PROBES)


def count_duplicates(services: Services) -> tuple[int, int]:
    """How many tickets are known, and how many of them repeat an earlier one, as links and people
    say."""
    group_of = groups(services.records.verdicts.all())
    return services.collections.active.catalogue.issue_count(), len(group_of) - len(
        set(group_of.values())
    )


def share_of(tickets: int, duplicates: int) -> float:
    """The share of tickets that repeat an earlier one, 0 to 1, drawn towards the shipped one."""
    if duplicates < FEWEST:
        return FITTED_SHARE
    return (duplicates + BELIEVED * FITTED_SHARE) / (max(tickets, duplicates) + BELIEVED)

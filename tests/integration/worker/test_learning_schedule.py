"""Scheduled learning from the studio's own duplicates."""

from __future__ import annotations

import pytest

from dejabug.cli.doctor import examine
from dejabug.evaluation.learning import TooFewError
from dejabug.infra import job_queue
from dejabug.ranking import FITTED_SHARE, Calibration, Calibrations, Evidence
from dejabug.records.comments import CommentRecord
from dejabug.records.learned_parameters import (
    LearnedParameters,
    LearningReport,
    are_held,
    hold_learned,
    read_learned,
    read_report,
    scores_in_words,
    write_learned,
    write_report,
)
from dejabug.records.types import IssueRecord
from dejabug.records.verdicts import Verdict
from dejabug.services import Services
from dejabug.worker import jobs
from dejabug.worker.learning_schedule import share_of, study
from dejabug.worker.periodic import LEARNING, queue_if_due
from support.command_line import call, words


def duplicates(services: Services, count: int, tickets: int = 0) -> None:
    """Pairs of tickets that are linked as duplicates, among so many tickets."""
    for number in range(max(tickets, 2 * count)):
        issue = IssueRecord(str(10001 + number), f"GAME-{number}", "GAME", "Game")
        services.collections.active.catalogue.put_issue(issue)
    for number in range(count):
        first = 10001 + 2 * number
        services.records.verdicts.put(Verdict(str(first), str(first + 1), True, "link"))


@pytest.mark.parametrize(
    ("tickets", "known", "share"),
    [(0, 0, FITTED_SHARE), (500, 9, FITTED_SHARE), (50, 25, (25 + 21) / 100), (950, 200, 0.221)],
)
def test_the_share_is_the_studio_s_own_once_it_links_its_duplicates(
    tickets: int, known: int, share: float
) -> None:
    assert share_of(tickets, known) == pytest.approx(share)


def test_a_studio_with_few_duplicates_gets_lower_scores() -> None:
    pair = Evidence(0.0, 0.1, 0.0, 3.0)
    usual, rare = LearnedParameters().in_force(), LearnedParameters(share=0.05).in_force()
    assert rare.probability(pair) < usual.probability(pair) - 0.2


def test_learned_weights_know_the_share_already() -> None:
    learned = Calibrations(Calibration(frames=1.0), Calibration(frames=2.0))
    assert LearnedParameters(learned, share=0.05).in_force() == learned


def test_a_lesson_is_due_once_a_day_and_not_before_a_duplicate_is_known(
    cold_services: Services,
) -> None:
    services = cold_services
    queue_if_due(services, LEARNING)
    assert services.queues.get("default").count == 0
    duplicates(services, 1)
    queue_if_due(services, LEARNING)
    queue_if_due(services, LEARNING)
    assert services.queues.get("default").job_ids == ["learning"]
    services.queues.get("default").empty()  # type: ignore[no-untyped-call]
    queue_if_due(services, LEARNING)
    assert services.queues.get("default").count == 0
    queue_if_due(services, LEARNING, now=True)
    assert services.queues.get("default").count == 1


def test_too_few_duplicates_teach_their_share_alone(cold_services: Services) -> None:
    services = cold_services
    services.collections.note_encoder(services.collections.active_name, 4, "a test's")
    write_learned(
        services.redis, services.collections.active_name, LearnedParameters(Calibrations())
    )
    duplicates(services, 12, tickets=100)
    with pytest.raises(TooFewError, match="0 groups"):
        study(services, most_asking=10)
    lessons = read_learned(services.redis, services.collections.active_name)
    assert lessons.calibrations is None
    assert lessons.share == pytest.approx(share_of(100, 12))
    report = read_report(services.redis, services.collections.active_name)
    assert report is not None
    assert (report.tickets, report.duplicates, report.kept) == (100, 12, False)


def test_going_back_is_one_command_and_holds(cold_services: Services) -> None:
    services = cold_services
    duplicates(services, 1)
    write_learned(
        services.redis, services.collections.configured.name, LearnedParameters(Calibrations(), 0.3)
    )
    assert "default weights again" in words(call("learn", "--forget").output)
    assert read_learned(services.redis, services.collections.configured.name) == LearnedParameters()
    assert are_held(services.redis, services.collections.configured.name)
    queue_if_due(services, LEARNING)
    queue_if_due(services, LEARNING, now=True)
    assert services.queues.get("default").count == 0
    services.collections.note_encoder(services.collections.configured.name, 4, "a test's")
    assert "groups of duplicates are known" in words(call("learn").output)
    assert not are_held(services.redis, services.collections.configured.name)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (LearningReport(1.0, 900, 3), "default weights, learned from the bundled games; 3 of 900"),
        (
            LearningReport(1.0, 900, 80, 40, 0.2, 0.21),
            "default weights, since the learned ones are not better",
        ),
        (
            LearningReport(1.0, 900, 80, 40, 0.25, 0.2, kept=True),
            "learned from 40 groups of duplicates in this studio",
        ),
    ],
)
def test_people_are_told_what_scores_rest_on(
    cold_services: Services, report: LearningReport, told: str
) -> None:
    services, name = cold_services, cold_services.collections.active_name
    assert (
        scores_in_words(services.redis, name) == "default weights, learned from the bundled games"
    )
    write_report(services.redis, name, report)
    assert told in scores_in_words(services.redis, name)
    (check,) = [each for each in examine(services, model=False) if each.what == "scores"]
    assert check.well
    assert told in check.says
    hold_learned(services.redis, name, hold=True)
    assert scores_in_words(services.redis, name).endswith(
        "automatic learning is off, turn it on with: dejabug learn"
    )


def test_the_job_is_one_that_workers_take() -> None:
    assert job_queue.function_of("dejabug.studying.learn_job") is jobs.learn_job


def test_comments_are_brought_in_line_when_scores_change(cold_services: Services) -> None:
    services = cold_services
    services.collections.note_encoder(services.collections.active_name, 4, "a test's")
    duplicates(services, 12, tickets=400)
    watched = IssueRecord("10001", "GAME-0", "GAME", "Game", watched=True)
    services.collections.active.catalogue.put_issue(watched)
    services.records.comments.put_comment(
        "10001", CommentRecord("40001", "digest", "50001", ("10002",))
    )
    with pytest.raises(TooFewError):
        study(services, most_asking=10)
    (job,) = services.queues.get("default").get_jobs()
    assert (job.func_name, job.args) == ("dejabug.jobs.suggest", ["10001"])
    services.queues.get("default").empty()  # type: ignore[no-untyped-call]
    with pytest.raises(TooFewError):
        study(services, most_asking=10)  # nothing is new
    assert services.queues.get("default").count == 0
    call("learn", "--forget")
    assert services.queues.get("default").count == 1

"""The labels of scores everywhere, and what is never commented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dejabug.cli.doctor import examine
from dejabug.infra import labels
from dejabug.infra.errors import UserError
from dejabug.jira.comments import Suggested, render
from dejabug.records.projects import KEY, Rules
from dejabug.retrieval.pairs import PairMatch
from dejabug.services import Services
from dejabug.settings import Settings
from dejabug.worker import jobs
from support.jira_site import Site
from support.parts import use_settings
from support.tickets import old_and_new

PROBABILITIES = st.floats(0, 1)


def suggested(score: float) -> str:
    """A comment on a match with this score, whose ticket is fixed."""
    found = Suggested("GAME-7", "Car sinks", "Done", "Fixed", score, (), ("1.2",))
    return render([found], strip=None, encoder="x", browse_url="https://jira.example")


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (1.0, "Very likely the same bug"),
        (0.95, "Very likely the same bug"),
        (0.9499, "Likely the same bug"),
        (0.75, "Likely the same bug"),
        (0.7499, "Possibly the same bug"),
        (0.5, "Possibly the same bug"),
        (0.4999, "Weak match"),
        (0.005, "Weak match"),
    ],
)
def test_each_label_begins_at_its_floor(score: float, words: str) -> None:
    assert labels.label(score) == words
    assert labels.is_weak(score) is (words == "Weak match")


def test_the_same_file_says_more_than_the_same_recording() -> None:
    assert labels.label(1.0, "GAME-1", "GAME-1") == "Same file as GAME-1"
    assert labels.label(0.97, None, "GAME-1") == "Same recording as GAME-1"


def test_a_label_of_a_copy_has_a_floor_too() -> None:
    assert labels.label(0.9499, None, "GAME-1") == "Likely the same bug"


@given(PROBABILITIES)
def test_a_label_never_stands_beside_a_number_below_its_floor(score: float) -> None:
    shown = labels.rounded_down(score)
    assert score - 0.01 - 1e-9 <= shown <= score + 1e-9
    assert labels.label(shown) == labels.label(score + 1e-12 if shown > score else score)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (0.75, "possible regression of GAME-7, fixed in 1.2"),
        (0.74, "status Done, fixed in 1.2"),
    ],
)
def test_a_regression_is_spoken_of_only_where_the_match_is_likely(score: float, said: str) -> None:
    assert said in suggested(score)
    assert ("regression" in suggested(score)) is (score >= labels.REGRESSION)


def test_a_threshold_below_the_floor_is_refused_with_its_reason(cold_services: Services) -> None:
    told = "between 0.5 and 1, not 0.49; below 0.5, suggestions are more often wrong than right"
    with pytest.raises(UserError, match=told):
        cold_services.records.projects.put("GAME", Rules(threshold=0.49))
    assert cold_services.records.projects.all() == {}
    with pytest.raises(ValidationError, match=told):
        Settings(comment_threshold=0.49)
    cold_services.records.projects.put("GAME", Rules(threshold=0.5))
    assert Settings(comment_threshold=1.0).comment_threshold == 1


def test_a_stored_threshold_below_the_floor_counts_as_the_floor_and_doctor_says_so(
    cold_services: Services,
) -> None:
    stored = json.dumps({"mode": "on", "threshold": 0.1})
    cold_services.redis.hset(KEY, "GAME", stored)
    assert cold_services.comment_policy.threshold_in("GAME") == labels.COMMENT_FLOOR
    (check,) = [each for each in examine(cold_services, model=False) if each.what == "thresholds"]
    assert not check.well
    assert "GAME has 0.1" in check.says
    assert check.remedy == "Set a valid one: dejabug project GAME --threshold 0.5"
    cold_services.records.projects.put(
        "GAME", cold_services.records.projects.rules("GAME").raised()
    )
    (check,) = [each for each in examine(cold_services, model=False) if each.what == "thresholds"]
    assert check.well


@pytest.mark.parametrize(("score", "comments"), [(0.5, 1), (0.49, 0)])
def test_nothing_below_the_floor_is_commented_whatever_the_rules_say(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch,
    score: float, comments: int,
) -> None:  # fmt: skip
    services.redis.hset(KEY, "GAME", json.dumps({"mode": "on", "threshold": 0.0}))
    loose = services.settings.model_copy(update={"comment_threshold": 0.0})
    use_settings(services, loose)
    old, key, issue_id = old_and_new(services, jira, clips)
    found = str(jira.issue(old)["id"])
    (here,) = services.collections.active.catalogue.clip_ids_of(issue_id)
    (there,) = services.collections.active.catalogue.clip_ids_of(found)
    pair = PairMatch(here, there, found, score, ())
    monkeypatch.setattr(services.similar_issues, "rank", lambda *_: [pair])
    jobs.suggest(issue_id)
    assert len(jira.comments(key)) == comments

"""People's verdicts on pairs of issues."""

from __future__ import annotations

import pytest
import redis

from dejabug.evaluation.from_jira import groups
from dejabug.infra.errors import UserError
from dejabug.records.verdicts import Verdict, Verdicts


@pytest.fixture
def verdicts(store: redis.Redis) -> Verdicts:
    return Verdicts(store)


def test_a_verdict_is_found_again_whichever_way_round(verdicts: Verdicts) -> None:
    verdicts.put(Verdict("2", "10", False, "person"))
    for pair in (("2", "10"), ("10", "2")):
        found = verdicts.of_pair(*pair)
        assert found is not None
        assert not found.same
        assert found.at > 0
    assert verdicts.rejected("10", ["2", "3", "2"]) == {"2"}
    assert verdicts.rejected("10", []) == set()
    assert verdicts.of_pair("2", "3") is None


def test_a_newer_word_of_a_person_replaces_the_older(verdicts: Verdicts) -> None:
    verdicts.put(Verdict("1", "2", False, "person"))
    verdicts.put(Verdict("2", "1", True, "person"))
    assert [verdict.same for verdict in verdicts.all()] == [True]


def test_an_issue_is_not_compared_with_itself(verdicts: Verdicts) -> None:
    with pytest.raises(UserError, match="itself"):
        verdicts.put(Verdict("1", "1", True, "person"))


def test_a_link_says_the_same_until_it_is_taken_away(verdicts: Verdicts) -> None:
    verdicts.linked("1", ["2", "3", "1"])
    assert {v.second for v in verdicts.all() if v.same} == {"2", "3"}
    verdicts.linked("1", ["3"])
    assert [v.second for v in verdicts.all()] == ["3"]
    verdicts.linked("1", [])
    assert list(verdicts.all()) == []


def test_a_link_does_not_overrule_what_a_person_told_us(verdicts: Verdicts) -> None:
    verdicts.put(Verdict("1", "2", False, "person"))
    verdicts.linked("1", ["2"])
    assert verdicts.rejected("1", ["2"]) == {"2"}
    verdicts.linked("1", [])
    assert verdicts.rejected("1", ["2"]) == {"2"}


def test_verdicts_on_a_deleted_issue_go_with_it(verdicts: Verdicts) -> None:
    verdicts.put(Verdict("1", "2", True, "person"))
    verdicts.linked("3", ["1", "4"])
    verdicts.forget_issue("1")
    assert [(v.first, v.second) for v in verdicts.all()] == [("3", "4")]


def test_issues_that_are_the_same_by_way_of_others_are_one_group() -> None:
    said = [("1", "2", True), ("2", "3", True), ("4", "5", True), ("1", "4", False)]
    found = groups(Verdict(a, b, same, "link") for a, b, same in said)
    assert found == {"1": "1", "2": "1", "3": "1", "4": "4", "5": "4"}

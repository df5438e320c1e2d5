"""Which matches may be shown, and when to stay silent."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dejabug import policy
from dejabug.policy import PairMatch, Ticket
from dejabug.ranking import Match


def pair(issue: str, score: float, clip: str = "1", found: str = "2") -> PairMatch:
    return PairMatch(clip, found, issue, score, ())


def decide(pairs: list[PairMatch], tickets: dict[str, Ticket], **more: Any) -> list[str]:
    given = {"projects": ("GAME",), "threshold": 0.6, "limit": 3, **more}
    own = Ticket("1", "GAME", restricted=False)
    return [found.found_issue_id for found in policy.to_comment(own, pairs, tickets, **given)]


def open_ticket(issue: str, project: str = "GAME") -> Ticket:
    return Ticket(issue, project, restricted=False)


def test_matches_below_the_threshold_are_silence() -> None:
    tickets = {"2": open_ticket("2")}
    assert decide([pair("2", 0.59)], tickets) == []
    assert decide([pair("2", 0.6)], tickets) == ["2"]


def test_a_ticket_with_a_security_level_is_never_named() -> None:
    tickets = {"2": Ticket("2", "GAME", restricted=True), "3": open_ticket("3")}
    assert decide([pair("2", 0.9), pair("3", 0.7)], tickets) == ["3"]


def test_a_ticket_of_another_project_is_named_only_within_a_group() -> None:
    tickets = {"2": open_ticket("2", "OTHER")}
    assert decide([pair("2", 0.9)], tickets) == []
    assert decide([pair("2", 0.9)], tickets, projects=("GAME", "OTHER")) == ["2"]


def test_an_issue_that_has_moved_out_of_the_group_is_not_commented_across() -> None:
    # Its frames may still carry the old project; what counts is what Jira says now.
    own, found = Ticket("1", "SECRET", restricted=False), open_ticket("2")
    assert not policy.may_comment_on(own, found, ("GAME",))


def test_a_ticket_that_jira_no_longer_shows_us_is_left_out() -> None:
    assert decide([pair("2", 0.9)], {}) == []


def test_at_most_the_limit_is_named_best_first() -> None:
    tickets = {str(n): open_ticket(str(n)) for n in range(2, 9)}
    pairs = [pair(str(n), 1 - n / 100) for n in range(2, 9)]
    assert decide(pairs, tickets) == ["2", "3", "4"]


def test_an_issue_is_never_suggested_to_itself() -> None:
    pairs = [pair("1", 0.99), pair("2", 0.7)]
    assert [p.found_issue_id for p in policy.best_per_issue("1", pairs)] == ["2"]


def test_each_issue_counts_once_with_its_best_pair_of_clips() -> None:
    pairs = [pair("2", 0.7, "a"), pair("2", 0.9, "b"), pair("3", 0.8)]
    best = policy.best_per_issue("1", pairs)
    assert [(p.found_issue_id, p.score) for p in best] == [("2", 0.9), ("3", 0.8)]
    assert best[0].clip_id == "b"


def test_a_found_clip_of_no_known_issue_is_dropped() -> None:
    assert policy.pair_matches("1", [Match("9", 0.9)], {}) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from("23456"),
            st.floats(-1, 1),
            st.sampled_from(("GAME", "OTHER")),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_whatever_is_named_is_open_of_the_project_and_above_the_threshold(rows: Any) -> None:
    tickets = {issue: Ticket(issue, project, secret) for issue, _, project, secret in rows}
    pairs = [pair(issue, score) for issue, score, _, _ in rows]
    for issue in decide(pairs, tickets):
        assert tickets[issue].project == "GAME"
        assert not tickets[issue].restricted
        assert max(p.score for p in pairs if p.found_issue_id == issue) >= 0.6

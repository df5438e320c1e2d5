"""Which matches may be shown, and when to stay silent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import policy
from dejabug.policy import Choice, PairMatch, Ticket, Wish
from dejabug.ranking import Match


def pair(issue: str, score: float, clip: str = "1", found: str = "2") -> PairMatch:
    return PairMatch(clip, found, issue, score, ())


OWN = Ticket("1", "GAME", restricted=False)


def decide(pairs: list[PairMatch], tickets: dict[str, Ticket], **more: Any) -> list[str]:
    return [choice.issue_id for choice in choose(pairs, tickets, **more)]


def choose(pairs: list[PairMatch], tickets: dict[str, Ticket], **more: Any) -> list[Choice]:
    projects = more.pop("projects", ("GAME",))
    wish = Wish(**{"threshold": 0.6, "limit": 3, **more})
    return policy.to_comment(OWN, pairs, tickets, projects, wish)


def open_ticket(issue: str, project: str = "GAME", *originals: str) -> Ticket:
    return Ticket(issue, project, restricted=False, originals=originals)


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


def test_a_chain_of_duplicates_leads_to_its_canonical_ticket() -> None:
    tickets = {
        "2": open_ticket("2", "GAME", "3"),
        "3": open_ticket("3", "GAME", "4"),
        "4": open_ticket("4"),
        "5": open_ticket("5", "GAME", "4"),
    }
    (choice,) = choose([pair("2", 0.9), pair("5", 0.8), pair("4", 0.7)], tickets)
    assert (choice.issue_id, choice.pair.found_issue_id, choice.also) == ("4", "2", ("5",))


def test_a_chain_ends_before_a_ticket_that_may_not_be_named() -> None:
    hidden = Ticket("3", "GAME", restricted=True, originals=("4",))
    tickets = {"2": open_ticket("2", "GAME", "3"), "3": hidden, "4": open_ticket("4")}
    assert decide([pair("2", 0.9)], tickets) == ["2"]


def test_duplicates_in_a_circle_end() -> None:
    tickets = {"2": open_ticket("2", "GAME", "3"), "3": open_ticket("3", "GAME", "2")}
    (choice,) = choose([pair("3", 0.9), pair("2", 0.8)], tickets)
    assert (choice.issue_id, choice.pair.found_issue_id, choice.also) == ("2", "3", ())


def test_a_ticket_that_is_linked_here_as_a_duplicate_is_not_suggested_again() -> None:
    tickets = {"2": open_ticket("2", "GAME", "1"), "3": open_ticket("3")}
    assert decide([pair("2", 0.9), pair("3", 0.8)], tickets) == ["3"]


def test_a_rejected_ticket_comes_back_neither_itself_nor_through_its_duplicate() -> None:
    tickets = {"2": open_ticket("2", "GAME", "3"), "3": open_ticket("3")}
    assert decide([pair("3", 0.9)], tickets, rejected={"3"}) == []
    assert decide([pair("2", 0.9)], tickets, rejected={"2"}) == []
    assert decide([pair("2", 0.9)], tickets, rejected={"3"}) == []


def test_a_project_that_is_off_is_named_nowhere() -> None:
    assert decide([pair("2", 0.9)], {"2": open_ticket("2")}, off={"GAME"}) == []


def test_a_reader_is_shown_what_jira_shows_them_and_nothing_where_the_issue_is_hidden() -> None:
    wish = Wish(0.6, 3)
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    secret = Ticket("2", "OTHER", restricted=True)  # this reader may see it, so they are shown it
    shown = policy.to_show("1", pairs, {"1": OWN, "2": secret}, wish)
    assert [choice.issue_id for choice in shown] == ["2"]
    assert policy.to_show("1", pairs, {"2": secret}, wish) == []


@pytest.mark.parametrize("sight", [None, {"2", "3"}])
@pytest.mark.parametrize(
    "own",
    [
        Ticket("1", "OTHER", restricted=False),  # a project that the caller does not see
        Ticket("1", "OFF", restricted=False),
        Ticket("1", "GAME", restricted=True),
    ],
)
def test_a_caller_is_told_nothing_on_an_issue_that_is_hidden_from_them(
    own: Ticket, sight: set[str] | None
) -> None:
    tickets = {"1": own, "2": open_ticket("2"), "3": open_ticket("3")}
    told = policy.tellable(tickets, {"GAME", "OFF"}, {"OFF"}, sight)
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    wish = Wish(0.0, 3)
    assert policy.to_tell(own, pairs, told, wish) == []
    assert [each.issue_id for each in policy.to_tell(OWN, pairs, {**told, "1": OWN}, wish)] == [
        "2",
        "3",
    ]


def test_a_caller_who_asks_about_no_issue_is_told_of_all_that_they_may_be_told_of() -> None:
    tickets = {"2": Ticket("2", "GAME", restricted=True), "3": open_ticket("3")}
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    for sight, expected in ((None, ["3"]), ({"2"}, ["2"]), ({"2", "3"}, ["2", "3"]), (set(), [])):
        told = policy.tellable(tickets, {"GAME"}, set(), sight)
        found = policy.to_tell(None, pairs, told, Wish(0.0, 3))
        assert [each.issue_id for each in found] == expected


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

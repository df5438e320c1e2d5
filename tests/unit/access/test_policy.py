"""Which matches may be shown, and when nothing is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.access.policy import Ticket, may_comment_on, may_tell, tellable
from dejabug.ranking import Match, Moment
from dejabug.retrieval.pairs import PairMatch, best_per_issue, pair_matches
from dejabug.retrieval.selection import Suggestion, SuggestionLimits, chain, to_show, to_tell
from dejabug.suggestions.comment_policy import to_comment


def pair(issue: str, score: float, clip: str = "1", found: str = "2") -> PairMatch:
    return PairMatch(clip, found, issue, score, ())


OWN = Ticket("1", "GAME", restricted=False)


def decide(pairs: list[PairMatch], tickets: dict[str, Ticket], **more: Any) -> list[str]:
    return [choice.issue_id for choice in choose(pairs, tickets, **more)]


def choose(pairs: list[PairMatch], tickets: dict[str, Ticket], **more: Any) -> list[Suggestion]:
    projects = more.pop("projects", ("GAME",))
    limits = SuggestionLimits(**{"threshold": 0.6, "limit": 3, **more})
    return to_comment(OWN, pairs, tickets, projects, limits)


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
    assert not may_comment_on(own, found, ("GAME",))


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
    limits = SuggestionLimits(0.6, 3)
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    secret = Ticket("2", "OTHER", restricted=True)  # this reader may see it, so they are shown it
    shown = to_show("1", pairs, {"1": OWN, "2": secret}, limits)
    assert [choice.issue_id for choice in shown] == ["2"]
    assert to_show("1", pairs, {"2": secret}, limits) == []


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
    told = tellable(tickets, {"GAME", "OFF"}, {"OFF"}, sight)
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    limits = SuggestionLimits(0.0, 3)
    assert to_tell(own, pairs, told, limits) == []
    assert [each.issue_id for each in to_tell(OWN, pairs, {**told, "1": OWN}, limits)] == [
        "2",
        "3",
    ]


def test_a_caller_who_asks_about_no_issue_is_told_of_all_that_they_may_be_told_of() -> None:
    tickets = {"2": Ticket("2", "GAME", restricted=True), "3": open_ticket("3")}
    pairs = [pair("2", 0.9), pair("3", 0.8)]
    for sight, expected in ((None, ["3"]), ({"2"}, ["2"]), ({"2", "3"}, ["2", "3"]), (set(), [])):
        told = tellable(tickets, {"GAME"}, set(), sight)
        found = to_tell(None, pairs, told, SuggestionLimits(0.0, 3))
        assert [each.issue_id for each in found] == expected


def test_beside_an_issue_neither_itself_nor_its_own_duplicate_is_shown() -> None:
    seen = {"1": OWN, "2": open_ticket("2", "GAME", "1"), "3": open_ticket("3")}
    pairs = [pair("1", 0.99), pair("2", 0.9), pair("3", 0.8)]
    assert [choice.issue_id for choice in to_show("1", pairs, seen, SuggestionLimits(0.6, 3))] == [
        "3"
    ]


def test_a_chain_that_leads_on_from_the_issue_itself_is_not_followed() -> None:
    # The issue is a duplicate of 3 already: that is known, and 2 is one of the issue's.
    own = Ticket("1", "GAME", False, originals=("3",))
    seen = {"1": own, "2": open_ticket("2", "GAME", "1"), "3": open_ticket("3")}
    assert to_show("1", [pair("2", 0.9)], seen, SuggestionLimits(0.6, 3)) == []


def test_an_issue_is_never_suggested_to_itself() -> None:
    pairs = [pair("1", 0.99), pair("2", 0.7)]
    assert [p.found_issue_id for p in best_per_issue("1", pairs)] == ["2"]


def test_each_issue_counts_once_with_its_best_pair_of_clips() -> None:
    pairs = [pair("2", 0.7, "a"), pair("2", 0.9, "b"), pair("3", 0.8)]
    best = best_per_issue("1", pairs)
    assert [(p.found_issue_id, p.score) for p in best] == [("2", 0.9), ("3", 0.8)]
    assert best[0].clip_id == "b"


def test_of_equal_pairs_the_first_clip_by_its_id_stands_for_the_issue() -> None:
    pairs = [pair("2", 0.7, found="b"), pair("3", 0.7, found="c"), pair("2", 0.7, found="a")]
    assert [each.found_clip_id for each in best_per_issue("1", pairs)] == ["a", "c"]


def test_a_found_clip_of_no_known_issue_is_dropped() -> None:
    moments = (Moment(1, 2, 3, 4, 1.5, 3.5, 0.9),)
    matches = [Match("9", 0.9), Match("5", 0.8, moments, 0.3, 0.1), Match("7", 0.4)]
    assert pair_matches("1", matches, {"5": "20", "7": "30"}) == [
        PairMatch("1", "5", "20", 0.8, moments, frames=0.3, words=0.1),
        PairMatch("1", "7", "30", 0.4, (), frames=0.0, words=None),
    ]


def test_a_choice_tells_of_the_canonical_issue_the_found_one_and_the_rest_of_the_chain() -> None:
    choice = Suggestion("4", pair("2", 0.9), also=("5", "6"))
    assert choice.issues() == {"4", "2", "5", "6"}


def test_everything_found_in_one_chain_is_told_with_the_best_of_it() -> None:
    originals = {"2": "9", "3": "9", "5": "9"}
    tickets = {each: open_ticket(each, "GAME", original) for each, original in originals.items()}
    tickets |= {"9": open_ticket("9"), "4": open_ticket("4")}
    pairs = [pair(each, 0.9 - number / 100) for number, each in enumerate("324539")]
    first, second = choose(pairs, tickets)
    assert (first.issue_id, first.pair, first.also) == ("9", pairs[0], ("2", "5"))
    assert (second.issue_id, second.pair, second.also) == ("4", pairs[2], ())


def test_ways_of_several_steps_to_one_canonical_issue_are_one_choice() -> None:
    originals = {"2": "3", "3": "9", "5": "6", "6": "9"}
    tickets = {each: open_ticket(each, "GAME", original) for each, original in originals.items()}
    tickets["9"] = open_ticket("9")
    (choice,) = choose([pair("2", 0.9), pair("5", 0.8), pair("6", 0.7)], tickets)
    assert (choice.issue_id, choice.pair.found_issue_id, choice.also) == ("9", "2", ("5", "6"))


def test_a_duplicate_of_an_issue_whose_project_is_off_is_not_suggested_to_it() -> None:
    own, limits = Ticket("1", "QUIET", restricted=False), SuggestionLimits(0.6, 3, off={"QUIET"})
    told = {"1": own, "2": open_ticket("2", "GAME", "1"), "3": open_ticket("3")}
    found = to_tell(own, [pair("2", 0.9), pair("3", 0.8)], told, limits)
    assert [each.issue_id for each in found] == ["3"]


def test_one_that_may_not_be_named_does_not_end_the_list() -> None:
    tickets = {"3": open_ticket("3"), "4": open_ticket("4", "GAME", "1"), "5": open_ticket("5")}
    pairs = [pair("2", 0.9), pair("3", 0.5), pair("4", 0.8), pair("5", 0.7)]
    assert decide(pairs, tickets) == ["5"]


def test_of_a_circle_the_oldest_is_canonical_by_the_number_of_its_id() -> None:
    circle = {"10": "9", "9": "11", "11": "10"}
    tickets = {each: open_ticket(each, "GAME", original) for each, original in circle.items()}
    assert chain("10", tickets) == ["10", "9", "11", "9"]
    twins = {"12": open_ticket("12", "GAME", "11"), "11": open_ticket("11", "GAME", "12")}
    assert chain("12", twins) == ["12", "11", "11"]


def test_a_chain_goes_on_by_the_first_original_that_may_be_named_and_is_new() -> None:
    tickets = {
        "2": open_ticket("2", "GAME", "8", "3", "4"),  # 8 may not be named
        "3": open_ticket("3", "GAME", "2", "5"),
        "4": open_ticket("4"),
        "5": open_ticket("5"),
    }
    assert chain("2", tickets) == ["2", "3", "5"]
    assert chain("5", tickets) == ["5"]


# What callers are told

HIDDEN = Ticket("4", "GAME", restricted=True)
ALL = {each.id: each for each in (open_ticket("2"), open_ticket("3", "OTHER"), HIDDEN)}


def test_a_caller_known_by_projects_is_told_of_their_open_issues_only() -> None:
    assert set(tellable(ALL, ["GAME", "OTHER"], [])) == {"2", "3"}
    assert tellable(ALL, ["GAME"], []) == {"2": ALL["2"]}
    assert tellable(ALL, [], []) == {}


def test_a_caller_known_to_jira_is_told_of_what_it_shows_them_security_levels_included() -> None:
    everywhere = ["GAME", "OTHER"]
    assert set(tellable(ALL, everywhere, [], {"2", "4"})) == {"2", "4"}
    assert set(tellable(ALL, ["OTHER"], [], {"2", "3", "4"})) == {"3"}
    assert tellable(ALL, everywhere, [], set()) == {}


def test_of_a_project_that_is_off_nobody_is_told() -> None:
    assert set(tellable(ALL, ["GAME", "OTHER"], ["GAME"])) == {"3"}
    assert set(tellable(ALL, ["GAME", "OTHER"], ["OTHER"], {"2", "3", "4"})) == {"2", "4"}


def test_a_caller_is_told_what_is_tellable_best_first() -> None:
    told, limits = {"2": ALL["2"], "3": ALL["3"]}, SuggestionLimits(0.6, 3)
    pairs = [pair("3", 0.9), pair("4", 0.85), pair("2", 0.8), pair("2", 0.5)]
    # A question in words, about no issue.
    assert [each.issue_id for each in to_tell(None, pairs, told, limits)] == ["3", "2"]
    assert to_tell(None, pairs, told, SuggestionLimits(0.85, 3))[0].pair == pairs[0]


def test_a_caller_who_asks_about_an_issue_must_be_allowed_to_know_of_it() -> None:
    limits, own = SuggestionLimits(0.6, 3), open_ticket("2")
    told = {"2": own, "3": ALL["3"], "5": open_ticket("5", "GAME", "2")}
    pairs = [pair("2", 0.99), pair("5", 0.95), pair("3", 0.9)]
    assert [each.issue_id for each in to_tell(own, pairs, told, limits)] == ["3"]
    del told["2"]
    assert to_tell(own, pairs, told, limits) == []


@given(st.sampled_from(("A", "B")), st.booleans(), st.sets(st.sampled_from("AB")), st.booleans())
def test_may_tell_takes_a_project_that_is_seen_and_on_and_an_open_issue(
    project: str, restricted: bool, seen: set[str], off: bool
) -> None:
    told = may_tell(project, restricted, seen, {project} if off else {"C"})
    assert told == (project in seen and not off and not restricted)


def test_a_comment_names_what_is_open_and_of_a_project_of_the_group_that_its_issue_is_in() -> None:
    other = Ticket("2", "OTHER", restricted=False)
    assert may_comment_on(OWN, other, ("GAME", "OTHER"))
    assert not may_comment_on(OWN, other, ("GAME",))
    assert not may_comment_on(OWN, other, ("OTHER",))
    assert not may_comment_on(OWN, HIDDEN, ("GAME",))


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


def test_a_pair_s_evidence_is_that_of_its_match() -> None:
    match = Match("2", 0.9, (), 0.3, 0.2, rank=1.5, size=3.0, copy=0.88)
    (found,) = pair_matches("1", [match], {"2": "20"})
    assert found.evidence == match.evidence
    assert (found.clip_id, found.found_clip_id, found.found_issue_id) == ("1", "2", "20")


def test_of_two_equal_scores_the_same_file_comes_first() -> None:
    alike = PairMatch("1", "2", "20", 1.0, ())
    same = PairMatch("1", "3", "30", 1.0, (), same_file=True)
    best = best_per_issue("1", [alike, same])
    assert [each.found_issue_id for each in best] == ["30", "20"]

"""The format of a result, and how each output uses it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dejabug.jira.models import Issue
from dejabug.ranking import Calibration, Calibrations, Moment
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Found, Result, Results, public_json
from dejabug.retrieval.selection import Suggestion
from dejabug.suggestions.comment_renderer import CommentRenderer
from dejabug.web.matches import Match, ShownClip, ShownMoment

ISSUES = {
    "1": Issue(
        "1", "GAME-1", "GAME", summary="Cows float", status="Done", status_category="done",
        resolution="Fixed", fix_versions=("0.9",), created="2025-03-03T10:00:00.000+0000",
        reporter="Ann Lee", assignee="Bo",
    ),
    "2": Issue("2", "GAME-2", "GAME"),
    "3": Issue("3", "GAME-3", "GAME"),
}  # fmt: skip
MOMENT = Moment(1.0, 3.5, 0.0, 2.5, 2.0, 1.0, 0.37496)
# GAME-1's duplicate GAME-2 has the clip, and its duplicate GAME-3 matches too.
PAIR = PairMatch("10", "20", "2", 0.94999, (MOMENT,), frames=0.4, words=0.1, size=1.0)
CHOICE = Suggestion("1", PAIR, ("3",))


class Catalogue:
    """Two clips on GAME-2, and one on the issue that was asked about."""

    def __init__(self) -> None:
        issues = {"10": "9", "20": "2", "21": "2"}
        self._clips = {
            clip: SimpleNamespace(id=clip, issue_id=issue, filename=f"{clip}.mp4", duration=9.5)
            for clip, issue in issues.items()
        }

    def tags_of(self, issue_ids: list[str]) -> dict[str, list[str]]:
        return {each: ["Floating object"] for each in issue_ids}

    def clips(self, clip_ids: list[str]) -> dict[str, Any]:
        return {each: self._clips[each] for each in clip_ids}

    def clips_of(self, issue_id: str) -> list[Any]:
        return [clip for clip in self._clips.values() if clip.issue_id == issue_id]


CURVES = Calibrations(
    Calibration(frames=4.0, rank=-1.0, size=0.75, intercept=-1.0),
    Calibration(frames=5.0, words=12.0, rank=-0.7, size=0.75, intercept=-1.0),
)
COLLECTIONS = cast(
    Any, SimpleNamespace(active=SimpleNamespace(catalogue=Catalogue(), calibrations=CURVES))
)
MEDIA = cast(Any, SimpleNamespace(thumbnails=SimpleNamespace(times=lambda _: [0.0, 0.5])))
SETTINGS = cast(Any, SimpleNamespace(jira_url="https://jira.example"))
RESULTS = Results(COLLECTIONS, MEDIA, SETTINGS)


@pytest.fixture
def result() -> Result:
    (found,) = RESULTS.of([CHOICE], ISSUES)
    return found


def shown(result: Result) -> dict[str, Any]:
    """The result as the panel is told it."""
    assert result.asked is not None
    assert result.clip is not None
    watched = [
        ShownClip(**dict(clip), media="https://dejabug.example/media/x", video="ready")
        for clip in (result.asked, result.clip)
    ]
    match = Match.of(result, {clip.id: clip for clip in watched}, linked=False)
    return match.model_dump(mode="json", by_alias=True)


def test_a_score_is_exact_but_where_it_is_shown(result: Result) -> None:
    assert (result.score, result.moments[0].similarity) == (0.94999, 0.37496)
    for told in (*public_json([result]), shown(result)):
        assert (told["score"], told["moments"][0]["similarity"]) == (0.9499, 0.375)
    assert result.label == "Likely the same bug"


def test_the_api_tells_the_public_part_alone(result: Result) -> None:
    (told,) = public_json([result])
    assert set(told) == set(Found.model_fields)
    assert {"status_category", "fix_versions", "clip_on"} == (
        set(Result.model_fields) - set(Found.model_fields)
    )


def test_the_panel_s_json_keeps_the_names_that_installed_panels_know(result: Result) -> None:
    """Fields may be added; one that is renamed or gone breaks panels of an earlier version."""
    assert {
        "issue_id", "key", "url", "summary", "status", "status_category", "resolution",
        "fix_versions", "score", "strength", "same_file", "same_recording", "weak", "regression",
        "by", "moments", "reasons", "here", "there", "kinds", "linked", "also", "clip_on",
        "created", "reporter", "assignee",
    } == set(told := shown(result))  # fmt: skip
    assert (told["issue_id"], told["by"], told["also"]) == ("1", "clip", ["GAME-2", "GAME-3"])
    assert (told["strength"], told["weak"]) == ("Likely the same bug", False)
    assert told["regression"] == "fixed in 0.9"
    assert told["there"] == {
        "clip_id": "20", "filename": "20.mp4", "duration": 9.5, "times": [0.0, 0.5],
        "media": "https://dejabug.example/media/x", "video": "ready",
    }  # fmt: skip
    assert told["moments"] == [
        {
            "here": [1.0, 3.5], "there": [0.0, 2.5], "here_at": 2.0, "there_at": 1.0,
            "similarity": 0.375,
        }
    ]  # fmt: skip
    assert set(ShownMoment.model_fields) == set(told["moments"][0])


def test_what_a_comment_s_digest_is_made_of_stays_as_it_is(result: Result) -> None:
    """The digest decides whether a comment is edited, and names its picture: another text here
    edits every comment of a studio once. 0.37496 is 0.37 here, not 0.375 rounded again."""
    settings = cast(
        Any, SimpleNamespace(jira_url="", public_url="", duplicate_link_types=frozenset())
    )
    renderer = CommentRenderer(COLLECTIONS, MEDIA, RESULTS, cast(Any, None), settings)
    assert repr(renderer._suggested(CHOICE, result, confirmed=True, linked=False)) == (
        "Suggested(key='GAME-1', summary='Cows float', status='Done', resolution='Fixed', "
        "score=0.94, moments=(MomentPair(query_start=1.0, query_end=3.5, match_start=0.0, "
        "match_end=2.5, similarity=0.37),), fix_versions=('0.9',), filename='20.mp4', "
        "kinds=('Floating object',), also=('GAME-3',), clip_on='GAME-2', same_file=None, "
        "same_recording=None, created='2025-03-03T10:00:00.000+0000', reporter='Ann Lee', "
        "assignee='Bo', confirmed=True, linked=False)"
    )

"""The messages about a clip that shows nothing, and about one with skipped frames."""

from __future__ import annotations

from pathlib import Path

from dejabug.infra.metrics import REGISTRY
from dejabug.records.progress import progress_of, why
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from support.api import Caller, compared
from support.demo_clips import COWS
from support.jira_site import Site
from support.made_clips import BLACK, LEFT_OUT
from support.tickets import history, tell


def failures() -> float:
    labels = {"outcome": "failed", "reason": "blank"}
    return REGISTRY.get_sample_value("dejabug_clips_processed_total", labels) or 0.0


def test_a_ticket_whose_only_picture_is_black_says_so_in_words_everywhere(
    caller: Caller, services: Services, jira: Site, black: Path
) -> None:
    before = failures()
    key = jira.file("GAME", "only black", black)
    issue_id = tell(services, jira, key)
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    standing = progress_of(services.collections.active.catalogue, record)
    (clip,) = standing.failed  # the panel lists these
    assert (clip.status, clip.reason) == (ClipStatus.FAILED, f"blank: the image is {BLACK}")
    assert why(clip) == f"the image is {BLACK}"
    assert failures() == before + 1
    told = caller.get(f"/issues/{key}/similar").get_json()
    assert (told["state"], told["reason"]) == (
        "failed",
        f"Its clip failed, so only its text was compared (black.png: the image is {BLACK}).",
    )


def test_a_black_picture_to_search_with_is_refused_with_its_reason(
    caller: Caller, services: Services, black: Path
) -> None:
    told = caller.get(compared(caller, services, black)).get_json()
    assert (told["state"], told["reason"]) == ("failed", f"blank: the image is {BLACK}")


def test_what_was_left_out_is_noted_on_the_clip_and_told_who_searches_with_it(
    caller: Caller, services: Services, jira: Site, clips: Path, loading: Path
) -> None:
    history(services, jira, clips, COWS[0])
    issue_id = tell(services, jira, jira.file("GAME", "black at first", loading))
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert (clip.status, clip.reason) == (ClipStatus.INDEXED, LEFT_OUT)
    told = caller.get(compared(caller, services, loading)).get_json()
    assert (told["state"], told["reason"]) == ("done", LEFT_OUT)

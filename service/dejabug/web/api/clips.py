"""Clips as their callers may see them now."""

from __future__ import annotations

from collections.abc import Sequence

from dejabug.callers import Caller
from dejabug.catalogue import ClipRecord
from dejabug.jira.models import Issue
from dejabug.previewing import queue_preview
from dejabug.results import clip_of
from dejabug.rooms import Rooms
from dejabug.web.api.models import Clip, ClipIssue
from dejabug.web.media import media_address, video_state


def clips_for(place: Rooms, who: Caller, clip_ids: Sequence[str]) -> list[Clip]:
    """Those of the clips that the caller may see, in this order; their previews are queued.

    Raises JiraError.
    """
    records = [record for each in dict.fromkeys(clip_ids) if (record := place.catalogue.clip(each))]
    issue_ids = {record.issue_id for record in records}
    seen = place.sight(who.name).may_see(who.name, issue_ids)
    issues = place.jira.issues(seen) if seen else {}
    told = (
        _told(place, who, record, issues[record.issue_id])
        for record in records
        if record.issue_id in issues
    )
    return [clip for clip in told if clip is not None]


def _told(place: Rooms, who: Caller, record: ClipRecord, issue: Issue) -> Clip | None:
    found = clip_of(place, record.id)
    if found is None:
        return None
    queue_preview(place, record.id, awaited=True)
    url = f"{place.settings.jira_url}/browse/{issue.key}"
    return Clip(
        **found.model_dump(),
        issue=ClipIssue(key=issue.key, url=url, summary=issue.summary),
        media=media_address(place, record.id, who.name) if place.shows_media else None,
        video=video_state(place, record),
    )

"""Clips that a principal may see now."""

from __future__ import annotations

from collections.abc import Sequence

from dejabug.access.principals import Principal
from dejabug.jira.models import Issue
from dejabug.records.types import ClipRecord
from dejabug.services import Services
from dejabug.web.api.models import Clip, ClipIssue
from dejabug.web.media import media_address, video_state


def clips_for(services: Services, who: Principal, clip_ids: Sequence[str]) -> list[Clip]:
    """The clips that this principal may see, in this order. Queues their previews.

    Raises JiraError.
    """
    return [
        _told(services, who, record, issue) for record, issue in seen_clips(services, who, clip_ids)
    ]


def seen_clips(
    services: Services, who: Principal, clip_ids: Sequence[str]
) -> list[tuple[ClipRecord, Issue]]:
    """The clips that this principal may see, with their issues. Raises JiraError."""
    records = list(services.collections.active.catalogue.clips(clip_ids).values())
    issue_ids = {record.issue_id for record in records}
    seen = services.visibility.may_see(who, issue_ids)
    issues = services.jira.issues(seen) if seen else {}
    return [(each, issues[each.issue_id]) for each in records if each.issue_id in issues]


def _told(services: Services, who: Principal, record: ClipRecord, issue: Issue) -> Clip:
    services.preview_maker.request(record.id, awaited=True)
    url = f"{services.settings.jira_url}/browse/{issue.key}"
    return Clip(
        **services.results.clip_of(record).model_dump(),
        issue=ClipIssue(key=issue.key, url=url, summary=issue.summary),
        media=media_address(services, record.id, who) if services.settings.shows_media else None,
        video=video_state(services, record),
    )

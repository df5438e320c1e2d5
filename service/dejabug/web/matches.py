"""An issue's matches as the panel shows them to one viewer: JSON, with addresses of media."""

from __future__ import annotations

from typing import Any

from dejabug.access import policy
from dejabug.access.policy import Suggestion, SuggestionLimits
from dejabug.access.principals import PanelViewer
from dejabug.infra.labels import is_weak, may_be_regression, rounded_down
from dejabug.jira.comments import fixed_in
from dejabug.jira.models import Issue
from dejabug.ranking import Moment
from dejabug.records.types import IssueRecord
from dejabug.retrieval.similar_issues import Answer, Read, tickets_of
from dejabug.services import Services
from dejabug.web.media import media_address, video_state

# Matches that a panel lists: nobody reads further.
MOST = 10
# The first matches' clips are the likeliest to be watched, and got ready before all others.
WATCHED_FIRST = 3


def matches_for(
    services: Services, record: IssueRecord, viewer: PanelViewer, read: Read
) -> tuple[Issue, list[dict[str, Any]]] | None:
    """The issue and its matches, as `read` lets the viewer see them; None if they may not see the
    issue itself. Their clips' previews are queued."""
    answer = services.similar_issues.find_for_reader(record, read)
    own = answer.tickets.get(record.id)
    if own is None:
        return None
    linked = set(own.duplicates(services.settings.duplicate_link_types))
    wish = SuggestionLimits(
        services.settings.panel_threshold, MOST, answer.rejected, services.records.projects.off()
    )
    tickets = tickets_of(answer.tickets.values(), services.settings)
    choices = policy.to_show(record.id, answer.ranked, tickets, wish)
    keys, matches, curves = answer.keys(), [], services.collections.active.calibrations
    for number, choice in enumerate(choices):
        clips = {"here": choice.pair.clip_id, "there": choice.pair.found_clip_id}
        for clip_id in filter(None, clips.values()):
            services.preview_maker.request(clip_id, awaited=number < WATCHED_FIRST)
        shown = {end: _clip(services, clip_id, viewer) for end, clip_id in clips.items()}
        matches.append(
            {
                **_ticket(answer.tickets[choice.issue_id], services.settings.jira_url),
                **_strength(choice, answer),
                "reasons": [each.model_dump() for each in answer.reasons(choice, curves)],
                **shown,
                "kinds": services.collections.active.catalogue.tags(choice.issue_id),
                "linked": choice.issue_id in linked,
                "also": [keys[other] for other in _beside(choice)],
            }
        )
    return own, matches


def _beside(choice: Suggestion) -> list[str]:
    """The found issues that the named one stands for."""
    found = choice.pair.found_issue_id
    return [other for other in (found, *choice.also) if other != choice.issue_id]


def _ticket(issue: Issue, browse_url: str) -> dict[str, Any]:
    return {
        "issue_id": issue.id,
        "key": issue.key,
        "url": f"{browse_url}/browse/{issue.key}",
        "summary": issue.summary,
        "status": issue.status,
        "status_category": issue.status_category,
        "resolution": issue.resolution,
        "fix_versions": list(issue.fix_versions),
    }


def _strength(choice: Suggestion, answer: Answer) -> dict[str, Any]:
    pair, issue = choice.pair, answer.tickets[choice.issue_id]
    fixed = fixed_in(issue.resolution, issue.fix_versions)
    return {
        "score": rounded_down(pair.score, 4),
        "strength": answer.label(choice),
        "same_file": answer.same_file(choice),
        "same_recording": answer.same_recording(choice),
        "weak": is_weak(pair.score),
        "regression": fixed if may_be_regression(pair.score) else None,
        "by": "clip" if pair.clip_id else "words",
        "moments": [_moment(moment) for moment in pair.moments],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "here": [moment.query_start, moment.query_end],
        "there": [moment.match_start, moment.match_end],
        "here_at": moment.query_time,
        "there_at": moment.match_time,
        "similarity": round(moment.similarity, 4),
    }


def _clip(services: Services, clip_id: str, viewer: PanelViewer) -> dict[str, Any] | None:
    clip = services.collections.active.catalogue.clip(clip_id) if clip_id else None
    if clip is None:
        return None
    return {
        "clip_id": clip.id,
        "filename": clip.filename,
        "duration": clip.duration,
        "times": services.media.thumbnails.times(clip.id),
        "media": media_address(services, clip.id, viewer),
        "video": video_state(services, clip),
    }

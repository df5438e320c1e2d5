"""How the installation is, and a second try for clips that could not be indexed."""

from __future__ import annotations

from importlib.metadata import version

from dejabug.access.principals import Caller
from dejabug.index import IndexUnavailableError
from dejabug.jira.errors import JiraError
from dejabug.records.learned_parameters import scores_in_words
from dejabug.records.types import ClipRecord, ClipStatus
from dejabug.services import Services
from dejabug.web.api.models import (
    ClipCounts,
    FailedClip,
    IndexStatus,
    NotedClip,
    QueueStatus,
    Status,
)
from dejabug.web.health import readiness
from dejabug.web.media import sheet_address

# Failed clips that are told one by one: more are a matter of one cause, and of one button.
LISTED = 100
# Clips with a note that are told, and that are looked at to find so many that the caller may see: a
# page asks every few seconds.
NOTED_LISTED, NOTED_LOOKED_AT, NOTED_AT_ONCE = 50, 500, 100
NO_JIRA = "Jira cannot be asked: clips that could not be used, or only in part, are not listed"


def report(services: Services, who: Caller) -> Status:
    """What there is. Raises redis.RedisError."""
    try:
        ready = readiness(services)
        index, problems = _index(services), ready["problems"]
    except IndexUnavailableError as error:
        index, problems = None, [str(error)]
    try:
        failed = sorted(_failed(services, who), key=lambda clip: int(clip.id), reverse=True)
        noted = _noted(services, who)
    except JiraError:
        failed, noted, problems = [], [], [*problems, NO_JIRA]
    count = services.collections.active.catalogue.count
    return Status(
        version=version("dejabug"),
        issues=services.collections.active.catalogue.issue_count(),
        clips=ClipCounts(**{state.value: count(state) for state in ClipStatus}),
        index=index,
        encoder=services.collections.active.label(),
        scores=scores_in_words(services.redis, services.collections.active_name),
        queues=[
            QueueStatus(name=name, waiting=services.queues.get(name).count, workers=workers)
            for name, workers in services.queues.workers().items()
        ],
        problems=problems,
        failed=_told(services, failed[:LISTED]),
        more_failed=max(0, len(failed) - LISTED),
        noted=_told_noted(services, who, noted),
    )


def retry(services: Services, who: Caller, clip_id: str | None = None) -> int:
    """Queue the caller's failed clips again, or this one alone; how many were queued."""
    clips = [clip for clip in _failed(services, who) if clip_id in (None, clip.id)]
    for clip in clips:
        services.scheduler.retry_clip(clip)
    return len(clips)


def _failed(services: Services, who: Caller) -> list[ClipRecord]:
    """The failed clips that the caller may see."""
    return _seen(
        services, who, list(services.collections.active.catalogue.with_status(ClipStatus.FAILED))
    )


def _noted(services: Services, who: Caller) -> list[ClipRecord]:
    """The newest clips with a note that the caller may see."""
    found: list[ClipRecord] = []
    for skip in range(0, NOTED_LOOKED_AT, NOTED_AT_ONCE):
        clips = services.collections.active.catalogue.noted(skip, NOTED_AT_ONCE)
        found += _seen(services, who, clips)
        if len(found) >= NOTED_LISTED or not clips:
            break
    return found[:NOTED_LISTED]


def _seen(services: Services, who: Caller, clips: list[ClipRecord]) -> list[ClipRecord]:
    """Those of the clips that the caller may see. Raises JiraError."""
    projects = {issue_id: _project(services, issue_id) for issue_id in {c.issue_id for c in clips}}
    mine = {issue_id for issue_id, project in projects.items() if project in who.projects}
    seen = services.visibility.may_see(who.principal, mine) if mine else set()
    return [clip for clip in clips if clip.issue_id in seen]


def _project(services: Services, issue_id: str) -> str:
    issue = services.collections.active.catalogue.issue(issue_id)
    return issue.project if issue else ""


def _told(services: Services, clips: list[ClipRecord]) -> list[FailedClip]:
    keys = services.collections.active.catalogue.keys_of({clip.issue_id for clip in clips})
    return [
        FailedClip(
            id=clip.id,
            filename=clip.filename,
            issue=keys[clip.issue_id],
            url=f"{services.settings.jira_url}/browse/{keys[clip.issue_id]}",
            reason=clip.reason,
        )
        for clip in clips
        if clip.issue_id in keys
    ]


def _told_noted(services: Services, who: Caller, clips: list[ClipRecord]) -> list[NotedClip]:
    keys = services.collections.active.catalogue.keys_of({clip.issue_id for clip in clips})
    return [
        NotedClip(
            id=clip.id,
            filename=clip.filename,
            issue=keys[clip.issue_id],
            url=f"{services.settings.jira_url}/browse/{keys[clip.issue_id]}",
            note=clip.reason,
            sheet=sheet_address(services, clip, who.principal),
        )
        for clip in clips
        if clip.issue_id in keys
    ]


def _index(services: Services) -> IndexStatus:
    state = services.collections.active.index.state()
    return IndexStatus(
        name=state.name, algorithm=state.algorithm, frames=state.frames, ready=state.ready
    )

"""Tickets with clips of the demo, created in the stand-in Jira and processed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dejabug.evaluation.manifest import read_manifest
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from support.demo_clips import COWS
from support.jira_site import Site
from support.workers import work


def promise(services: Services, issue_id: str, watch: bool) -> None:
    """Promise to look at an issue, and queue that."""
    with services.redis.pipeline() as pipe:
        services.scheduler.sync_issue(issue_id, watch, pipe)
        pipe.execute()


def tell(services: Services, jira: Site, key: str, *, watch: bool = True) -> str:
    """What a webhook does: record and queue; then run the jobs. Returns the issue's id."""
    issue_id = str(jira.issue(key)["id"])
    promise(services, issue_id, watch)
    work(services)
    return issue_id


def history(
    services: Services, jira: Site, clips: Path, *names: str, project: str = "GAME"
) -> list[str]:
    """Old tickets that are read in without being watched; their keys."""
    told = {entry.file: entry.summary for entry in read_manifest(clips)}
    keys = [jira.file(project, told[name], clips / name) for name in names]
    for key in keys:
        tell(services, jira, key, watch=False)
    return keys


def old_and_new(services: Services, jira: Site, clips: Path) -> tuple[str, str, str]:
    """An old ticket and a new one of the same bug, both worked on: their keys, the new one's id."""
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    return old, key, tell(services, jira, key)


def fail(services: Services, jira: Site, key: str) -> str:
    """Have an issue's clip have failed; its id."""
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))[0]
    failed = replace(clip, status=ClipStatus.FAILED, reason="not_a_video: it is a zip")
    services.collections.active.catalogue.put_clip(failed)
    return clip.id

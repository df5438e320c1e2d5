"""A studio's own labels: its indexed clips, with the verdicts and duplicate links of its people."""

from __future__ import annotations

from collections.abc import Iterable

from dejabug.evaluation.corpus import Corpus, Item
from dejabug.records.types import ClipStatus
from dejabug.records.verdicts import Verdict
from dejabug.services import Services


def studio(services: Services) -> Corpus:
    """The corpus of what is indexed now. Issues that verdicts call the same, also indirectly, are
    one group."""
    group_of = groups(services.records.verdicts.all())
    items = []
    for clip in services.collections.active.catalogue.with_status(ClipStatus.INDEXED):
        issue = services.collections.active.catalogue.issue(clip.issue_id)
        if issue is not None:
            group = group_of.get(issue.id)
            summary = services.collections.active.catalogue.words(issue.id).split(". ")[0]
            items.append(
                Item(
                    clip.id,
                    issue.id,
                    f"{issue.key} {clip.filename}",
                    issue.game,
                    None,
                    group,
                    summary,
                    issue.project,
                    still=clip.still,
                    attached=clip.attached,
                )
            )
    projects = tuple(services.collections.active.catalogue.projects())
    return Corpus(services, projects, tuple(sorted(items, key=lambda item: item.name)), {})


def groups(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """Issues → the name of their group: the lowest issue id in it."""
    leader: dict[str, str] = {}

    def find(issue: str) -> str:
        while leader.setdefault(issue, issue) != issue:
            issue = leader[issue]
        return issue

    for verdict in verdicts:
        if verdict.same:
            first, second = sorted((find(verdict.first), find(verdict.second)))
            leader[second] = first
    return {issue: find(issue) for issue in leader}

"""The text and the comparison image of a comment, made from suggestions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dejabug.infra.labels import rounded_down
from dejabug.jira.comments import Addresses, MomentPair, Suggested, clock, render
from dejabug.jira.models import Issue
from dejabug.media_store.comparison_image import LOOK, Panel, draw_comparison
from dejabug.media_store.store import MediaStore
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import OWN_PICTURES
from dejabug.records.verdicts import Verdicts
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Result, Results
from dejabug.retrieval.selection import Suggestion
from dejabug.retrieval.similar_issues import Answer
from dejabug.settings import Settings

# Two frames of a clip that are at most this many seconds apart show the same moment.
SAME_MOMENT = 1.0


@dataclass(frozen=True)
class Draft:
    """A comment to be written on the issue `key`. Two drafts with the same text have the same
    `digest`. `shown` are the frames and captions of its image."""

    key: str
    suggestions: list[Suggested]
    note: str
    addresses: Addresses
    shown: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A digest of the whole comment."""
        return _digest((self.key, self.suggestions, self.note, self.addresses, self.image_name))

    @property
    def image_name(self) -> str:
        """The file name of its image: the same for as long as the image shows the same, so that an
        edit of the text attaches nothing new to the ticket."""
        return f"{OWN_PICTURES}{_digest(self.shown)}.png"


class CommentRenderer:
    """Renders comments."""

    def __init__(
        self,
        collections: Collections,
        media: MediaStore,
        results: Results,
        verdicts: Verdicts,
        settings: Settings,
    ) -> None:
        self._collections = collections
        self._media = media
        self._results = results
        self._verdicts = verdicts
        self._link_types = settings.duplicate_link_types
        self._addresses = Addresses(settings.jira_url, settings.public_url)

    def draft(self, issue: Issue, answer: Answer, chosen: Sequence[Suggestion], note: str) -> Draft:
        """A comment on an issue that names these suggestions, with `note` below them."""
        results = self._results.of(chosen, answer.tickets, with_times=False)
        named = set().union(*(choice.issues() for choice in chosen))
        confirmed = self._verdicts.confirmed(issue.id, named)
        linked = set(issue.duplicates(self._link_types))
        suggestions = [
            self._suggested(
                choice,
                result,
                confirmed=bool(confirmed & choice.issues()),
                linked=bool(linked & choice.issues()),
            )
            for choice, result in zip(chosen, results, strict=True)
        ]
        return Draft(issue.key, suggestions, note, self._addresses, _shown(answer, chosen))

    def body(self, draft: Draft, *, with_image: bool) -> str:
        """A draft as wiki markup."""
        return render(
            draft.key,
            draft.suggestions,
            note=draft.note,
            strip=draft.image_name if with_image else None,
            addresses=draft.addresses,
        )

    def image(self, answer: Answer, chosen: Sequence[Suggestion]) -> bytes | None:
        """The comparison image of the suggestions, a PNG; None when no thumbnails are kept."""
        return self.comparison_image([choice.pair for choice in chosen], answer.keys())

    def comparison_image(self, pairs: Sequence[PairMatch], keys: dict[str, str]) -> bytes | None:
        """The moments of the new clip next to those of the found clips → a PNG, or None when no
        thumbnails are kept.

        `keys` are issue keys by issue id. Where all matches are of about the same moment of the new
        clip, that moment is shown once; else each found moment is next to the one that it
        matches."""
        seen: list[Panel] = []
        found: list[Panel] = []
        times: list[float] = []
        for pair in pairs:
            if not pair.moments:
                continue
            moment = pair.moments[0]
            here = self._media.thumbnails.read(pair.clip_id, moment.query_time)
            there = self._media.thumbnails.read(pair.found_clip_id, moment.match_time)
            if here and there:
                times.append(moment.query_time)
                seen.append(Panel(here, "This ticket", clock(moment.query_time), accent=True))
                there_at = clock(moment.match_time)
                found.append(Panel(there, keys[pair.found_issue_id], there_at))
        if not found:
            return None
        one_clip = len({pair.clip_id for pair in pairs}) == 1
        if one_clip and max(times) - min(times) <= SAME_MOMENT:
            return draw_comparison([seen[0], *found])
        return draw_comparison(
            [panel for pair_of_panels in zip(seen, found, strict=True) for panel in pair_of_panels]
        )

    def _suggested(
        self, choice: Suggestion, result: Result, *, confirmed: bool, linked: bool
    ) -> Suggested:
        """A result in the comment. The digest is made of this: another number or field here edits
        every comment once."""
        names = {
            clip.id: clip.filename
            for clip in self._collections.active.catalogue.clips_of(choice.pair.found_issue_id)
        }
        return Suggested(
            key=result.key,
            summary=result.summary,
            status=result.status,
            resolution=result.resolution,
            fix_versions=tuple(result.fix_versions),
            # Only as exact as it is shown, or a comment would be edited without a visible change.
            score=rounded_down(result.score),
            moments=tuple(
                MomentPair(*moment.here, *moment.there, round(moment.similarity, 2))
                for moment in result.moments
                if moment.here is not None
            ),
            filename=names.get(choice.pair.found_clip_id) if len(names) > 1 else None,
            kinds=tuple(result.kinds),
            also=tuple(key for key in result.also if key != result.clip_on),
            clip_on=result.clip_on,
            same_file=result.same_file,
            same_recording=result.same_recording,
            created=result.created,
            reporter=result.reporter,
            assignee=result.assignee,
            confirmed=confirmed,
            linked=linked,
        )


def _shown(answer: Answer, chosen: Sequence[Suggestion]) -> tuple[str, ...]:
    """All that the comparison image depends on, and the version of its look."""
    keys = answer.keys()
    shown = [LOOK]
    for pair in (choice.pair for choice in chosen if choice.pair.moments):
        at, there = clock(pair.moments[0].query_time), clock(pair.moments[0].match_time)
        shown += [pair.clip_id, at, pair.found_clip_id, there, keys[pair.found_issue_id]]
    return tuple(shown)


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

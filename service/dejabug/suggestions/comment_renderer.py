"""What a comment says, and the picture that it shows: from suggestions to Jira's wiki markup."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dejabug.infra.labels import rounded_down
from dejabug.jira.comments import MomentPair, Suggested, clock, render
from dejabug.media_store.comparison_image import Panel, draw_comparison
from dejabug.media_store.store import MediaStore
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import OWN_PICTURES
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Result, Results
from dejabug.retrieval.selection import Suggestion
from dejabug.retrieval.similar_issues import Answer

# Seconds within which two frames of a clip show the same moment.
SAME_MOMENT = 1.0


@dataclass(frozen=True)
class Draft:
    """What a comment is going to say. Two drafts that say the same have the same `digest`."""

    suggestions: list[Suggested]
    note: str
    encoder: str

    @property
    def digest(self) -> str:
        """Of all that it says."""
        said = repr((self.suggestions, self.note, self.encoder))
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def image_name(self) -> str:
        """The file name of its picture."""
        return f"{OWN_PICTURES}{self.digest}.png"


class CommentRenderer:
    """Renders comments. `browse_url` is where people open issues."""

    def __init__(
        self, collections: Collections, media: MediaStore, results: Results, browse_url: str
    ) -> None:
        self._collections = collections
        self._media = media
        self._results = results
        self._browse_url = browse_url

    def draft(self, answer: Answer, chosen: Sequence[Suggestion], note: str) -> Draft:
        """What is said of these suggestions, with `note` below them."""
        results = self._results.of(chosen, answer.tickets, with_times=False)
        suggestions = [
            self._suggested(choice, result) for choice, result in zip(chosen, results, strict=True)
        ]
        return Draft(suggestions, note, self._collections.active.label())

    def body(self, draft: Draft, *, with_image: bool) -> str:
        """A draft as wiki markup."""
        return render(
            draft.suggestions,
            note=draft.note,
            strip=draft.image_name if with_image else None,
            encoder=draft.encoder,
            browse_url=self._browse_url,
        )

    def image(self, answer: Answer, chosen: Sequence[Suggestion]) -> bytes | None:
        """The suggestions' comparison image, a PNG; None when no thumbnails are kept."""
        return self.comparison_image([choice.pair for choice in chosen], answer.keys())

    def comparison_image(self, pairs: Sequence[PairMatch], keys: dict[str, str]) -> bytes | None:
        """The new clip's moments beside the found ones' → a PNG, or None when no pictures are kept.

        `keys` are issue keys by issue id. One row where all matches are of about the same moment of
        the new clip; else two, each found moment below the one that it matches."""
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
                seen.append(Panel(here, f"this ticket, {clock(moment.query_time)}", accent=True))
                caption = f"{keys[pair.found_issue_id]}, {clock(moment.match_time)}"
                found.append(Panel(there, caption))
        if not found:
            return None
        one_clip = len({pair.clip_id for pair in pairs}) == 1
        if one_clip and max(times) - min(times) <= SAME_MOMENT:
            return draw_comparison([[seen[0], *found]])
        return draw_comparison([seen, found])

    def _suggested(self, choice: Suggestion, result: Result) -> Suggested:
        """What the comment says of a result. Its digest is made of this: another number or field
        here edits every comment once."""
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
        )

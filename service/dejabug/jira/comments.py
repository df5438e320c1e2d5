"""The text of our comment, in Jira's wiki markup, which Cloud and Data Center both show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dejabug.infra.labels import label, may_be_regression, rounded_down
from dejabug.jira.filing import filed_by

# Characters with a meaning in wiki markup, which are escaped in a ticket's text.
WIKI_SIGNS = re.compile(r"([\\{}\[\]|*_\-+^~?!])")
# The commands that the comment explains.
HINT = "Wrong match? Comment /dejabug not KEY. To stop suggestions here, comment /dejabug mute."
# Always true: the "Same bug" button links as the person who presses it.
NEVER_LINKS = "Déjà Bug never links or closes tickets by itself."
# The last line, where there is no page to link to.
ABOUT_SCORES = "The score is the estimated probability that both tickets show the same bug."
# The page that explains scores, below DEJABUG_PUBLIC_URL; `web/pages/views.py` serves it.
SCORE_HELP = "/help/score"
# A summary is cut here, so that one ticket cannot fill the comment.
LONGEST_SUMMARY = 140
# Pixels: as wide as `media_store/comparison_image.py` draws it, so that Jira does not scale it up.
STRIP_WIDTH = 664


@dataclass(frozen=True)
class MomentPair:
    """A time span of each clip that show the same, in seconds, and their cosine similarity."""

    query_start: float
    query_end: float
    match_start: float
    match_end: float
    similarity: float


@dataclass(frozen=True)
class Suggested:
    """One suggested ticket.

    Attributes:
        filename: the matching clip's file name, if the ticket has several clips.
        kinds: the kinds of bug that the ticket is tagged with.
        also: the keys of its duplicates that match as well.
        clip_on: the key of the duplicate whose clip was compared; None for its own clip.
        same_file: the key of the issue with the same file, or None.
        same_recording: the key of the issue whose clip is a copy of the same recording, or None.
        created: when it was filed, as Jira writes times.
        reporter, assignee: display names.
        confirmed: whether somebody marked it as the same bug.
        linked: whether Jira has a duplicate link between it and this ticket.
    """

    key: str
    summary: str
    status: str
    resolution: str | None
    score: float
    moments: tuple[MomentPair, ...]
    fix_versions: tuple[str, ...] = ()
    filename: str | None = None
    kinds: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    clip_on: str | None = None
    same_file: str | None = None
    same_recording: str | None = None
    created: str = ""
    reporter: str | None = None
    assignee: str | None = None
    confirmed: bool = False
    linked: bool = False

    @property
    def settled(self) -> bool:
        """Whether it is known to be the same bug."""
        return self.confirmed or self.linked


@dataclass(frozen=True)
class Addresses:
    """Where people open tickets (`jira`), and this service (`service`, empty where browsers have
    no address of it). No slash at the end."""

    jira: str
    service: str = ""

    def ticket(self, key: str) -> str:
        """A ticket in Jira."""
        return f"{self.jira}/browse/{key}"

    def comparison(self, key: str, other: str) -> str | None:
        """The search page that compares the clips of two tickets."""
        query = urlencode({"q": key, "open": other})
        return f"{self.service}/?{query}" if self.service else None

    def score_help(self) -> str | None:
        """The page that explains scores."""
        return f"{self.service}{SCORE_HELP}" if self.service else None


def render(
    key: str,
    suggestions: Sequence[Suggested],
    *,
    strip: str | None,
    addresses: Addresses,
    note: str = "",
) -> str:
    """The comment on the ticket `key`, best suggestion first. `strip`: the attached image's name;
    `note`: our last answer to a command here, in wiki markup. Raises ValueError if both suggestions
    and note are empty."""
    if not suggestions and not note:
        raise ValueError("an empty comment is never written")
    lines: list[str] = []
    if suggestions:
        lines += [f"*Seen before?* {_seen(suggestions)}:", ""]
    for suggestion in suggestions:
        lines += _entry(key, suggestion, addresses)
    if strip:
        lines += ["", f"!{strip}|width={STRIP_WIDTH}!"]
    if suggestions:
        lines += ["", f"_{_advice(suggestions)}_"]
    if note:
        lines += ["", note] if lines else [note]
    lines += ["", _about(addresses, with_scores=bool(suggestions))]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Plain text, escaped for wiki markup: without macros, links, images or mentions."""
    one_line = " ".join(text.split())
    return WIKI_SIGNS.sub(r"\\\1", one_line)


def clock(seconds: float) -> str:
    """Seconds like in a video player: 1:07.5, or 0:04 for whole seconds."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    fraction = f".{rest % 10}" if rest % 10 else ""
    return f"{minutes}:{rest // 10:02d}{fraction}"


def span(start: float, end: float) -> str:
    """A time span like in a video player, `0:04–0:07`; a single time if it has no length. In
    seconds."""
    return clock(start) if end <= start else f"{clock(start)}–{clock(end)}"


def _seen(suggestions: Sequence[Suggested]) -> str:
    number = len(suggestions)
    where = "an earlier ticket" if number == 1 else f"{number} earlier tickets"
    if not any(suggestion.moments for suggestion in suggestions):
        return f"This ticket reads like {where} with a clip"
    return f"This clip looks like the one on {where}"


def _advice(suggestions: Sequence[Suggested]) -> str:
    """What the reader can do; nothing that is done already."""
    unsettled = [each for each in suggestions if not each.settled]
    if not unsettled:
        return HINT
    if len(unsettled) > 1:
        which = "one of them is"
    else:
        which = "it is" if len(suggestions) == 1 else f"{escape(unsettled[0].key)} is"
    return f"If {which} the same bug, link it as a duplicate. {NEVER_LINKS} {HINT}"


def _about(addresses: Addresses, *, with_scores: bool) -> str:
    said = "Déjà Bug"
    if with_scores:
        page = addresses.score_help()
        said += f" · [How scores work|{page}]" if page else f". {ABOUT_SCORES}"
    return f"{{color:#7a869a}}{said}{{color}}"


def _entry(key: str, suggestion: Suggested, addresses: Addresses) -> list[str]:
    summary = suggestion.summary
    if len(summary) > LONGEST_SUMMARY:
        summary = summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
    name = label(suggestion.score, suggestion.same_file, suggestion.same_recording)
    lines = [
        f"* *{_link(suggestion.key, addresses)}* {escape(summary)}",
        f"** {name} (score {rounded_down(suggestion.score):.2f}), {_state(suggestion)}",
    ]
    if suggestion.settled:
        lines.append(f"** *{_settled(suggestion)}*")
    filed = filed_by(suggestion.created, suggestion.reporter, suggestion.assignee, escape)
    if filed:
        lines.append(f"** {filed[0].upper()}{filed[1:]}")
    if suggestion.also:
        also = ", ".join(_link(each, addresses) for each in suggestion.also)
        lines.append(f"** Also filed as {also}")
    if suggestion.kinds:
        lines.append(f"** Kind of bug: {escape(', '.join(suggestion.kinds))}")
    if suggestion.moments and not suggestion.same_file:
        clip = [f"in {escape(suggestion.filename)}"] if suggestion.filename else []
        if suggestion.clip_on:
            clip.append(f"on its duplicate {_link(suggestion.clip_on, addresses)}")
        where = f" ({' '.join(clip)})" if clip else ""
        pairs = "; ".join(
            f"{span(pair.query_start, pair.query_end)} here, "
            f"{span(pair.match_start, pair.match_end)} there{where}"
            for pair in suggestion.moments
        )
        lines.append(f"** Same moment: {pairs}")
    if page := addresses.comparison(key, suggestion.key):
        what = "Compare the clips" if suggestion.moments else "Watch its clip"
        lines.append(f"** [{what}|{page}]")
    return lines


def _settled(suggestion: Suggested) -> str:
    if not suggestion.confirmed:
        return "Linked as a duplicate"
    linked = " and linked as a duplicate" if suggestion.linked else ""
    return f"Confirmed as the same bug by the team{linked}"


def _link(key: str, addresses: Addresses) -> str:
    return f"[{key}|{addresses.ticket(key)}]"


def fixed_in(resolution: str | None, fix_versions: Sequence[str]) -> str | None:
    """Text for a fixed ticket: `fixed in 0.9` or `fixed`; None if it isn't fixed."""
    if not resolution or resolution.lower() not in ("fixed", "done"):
        return None
    return f"fixed in {', '.join(fix_versions)}" if fix_versions else "fixed"


def _state(suggestion: Suggested) -> str:
    status = f"status {escape(suggestion.status or 'unknown')}"
    if not suggestion.resolution:
        return f"{status}, unresolved"
    fixed = fixed_in(suggestion.resolution, suggestion.fix_versions)
    if fixed is None:
        return f"{status}, resolved as {escape(suggestion.resolution)}"
    if not may_be_regression(suggestion.score):
        return f"{status}, {escape(fixed)}"
    return f"{status}: possible regression of {suggestion.key}, {escape(fixed)}"

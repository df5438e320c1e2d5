"""The text of our comment, in Jira's wiki markup, which Cloud and Data Center both show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dejabug.infra.labels import label, may_be_regression, rounded_down

# Characters with a meaning in wiki markup, which are escaped in a ticket's text.
WIKI_SIGNS = re.compile(r"([\\{}\[\]|*_\-+^~?!])")
# The commands that the comment explains.
HINT = (
    "Not the same bug? Comment /dejabug not KEY. To stop suggestions on this ticket, comment "
    "/dejabug mute."
)
# A summary is cut here, so that one ticket cannot fill the comment.
LONGEST_SUMMARY = 140
STRIP_WIDTH = 900


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


def render(
    suggestions: Sequence[Suggested],
    *,
    strip: str | None,
    encoder: str,
    browse_url: str,
    note: str = "",
) -> str:
    """The comment, best suggestion first. `strip`: the attached image's name; `note`: our last
    answer to a command here, in wiki markup. Raises ValueError if both suggestions and note are
    empty."""
    if not suggestions and not note:
        raise ValueError("an empty comment is never written")
    lines: list[str] = []
    if suggestions:
        lines += [f"*Seen before?* {_seen(suggestions)}:", ""]
    for suggestion in suggestions:
        lines += _entry(suggestion, browse_url)
    if strip:
        lines += ["", f"!{strip}|width={STRIP_WIDTH}!"]
    if suggestions:
        choice = "it is" if len(suggestions) == 1 else "one of them is"
        advice = f"If {choice} the same bug, link it as a duplicate. Nothing was linked or closed."
        lines += ["", f"_{advice} {HINT}_"]
    if note:
        lines += ["", note] if lines else [note]
    lines += ["", f"{{color:#7a869a}}Déjà Bug, {escape(encoder)}{{color}}"]
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


def _entry(suggestion: Suggested, browse_url: str) -> list[str]:
    summary = suggestion.summary
    if len(summary) > LONGEST_SUMMARY:
        summary = summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
    name = label(suggestion.score, suggestion.same_file, suggestion.same_recording)
    lines = [
        f"* *{_link(suggestion.key, browse_url)}* {escape(summary)}",
        f"** {name} (score {rounded_down(suggestion.score):.2f}), {_state(suggestion)}",
    ]
    if suggestion.also:
        also = ", ".join(_link(key, browse_url) for key in suggestion.also)
        lines.append(f"** Also filed as {also}")
    if suggestion.kinds:
        lines.append(f"** Kind of bug: {escape(', '.join(suggestion.kinds))}")
    if suggestion.moments and not suggestion.same_file:
        clip = [f"in {escape(suggestion.filename)}"] if suggestion.filename else []
        if suggestion.clip_on:
            clip.append(f"on its duplicate {_link(suggestion.clip_on, browse_url)}")
        where = f" ({' '.join(clip)})" if clip else ""
        pairs = "; ".join(
            f"{span(pair.query_start, pair.query_end)} here, "
            f"{span(pair.match_start, pair.match_end)} there{where}"
            for pair in suggestion.moments
        )
        lines.append(f"** Same moment: {pairs}")
    return lines


def _link(key: str, browse_url: str) -> str:
    return f"[{key}|{browse_url}/browse/{key}]"


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

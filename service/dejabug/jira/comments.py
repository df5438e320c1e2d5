"""What our one comment says, in Jira's wiki text: Cloud and Data Center both show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Plain words for scores, which are probabilities; see docs/quality.md for how true they are.
STRENGTHS = ((0.95, "Very likely the same bug"), (0.75, "Likely the same bug"))
WEAKEST = "Possibly the same bug"
# Signs that wiki text gives a meaning to, and that a ticket's words must not have.
WIKI_SIGNS = re.compile(r"([\\{}\[\]|*_\-+^~?!])")
# A summary is cut here, so that one ticket cannot fill the comment.
LONGEST_SUMMARY = 140
STRIP_WIDTH = 900


@dataclass(frozen=True)
class MomentPair:
    """A stretch here and a stretch there that show the same; seconds, and their cosine."""

    query_start: float
    query_end: float
    match_start: float
    match_end: float
    similarity: float


@dataclass(frozen=True)
class Suggested:
    """One suggested ticket; `filename` names its clip when it has several, `kinds` are the kinds of
    bug that it is tagged with."""

    key: str
    summary: str
    status: str
    resolution: str | None
    score: float
    moments: tuple[MomentPair, ...]
    fix_versions: tuple[str, ...] = ()
    filename: str | None = None
    kinds: tuple[str, ...] = ()


def render(
    suggestions: Sequence[Suggested], *, strip: str | None, encoder: str, browse_url: str
) -> str:
    """The comment, best suggestion first. `strip` is the attached picture's name."""
    if not suggestions:
        raise ValueError("a comment with no suggestion is never written")
    one = len(suggestions) == 1
    lines = ["*Seen before?* This clip looks like the one on " + _count(len(suggestions)) + ":", ""]
    for suggestion in suggestions:
        lines += _entry(suggestion, browse_url)
    if strip:
        lines += ["", f"!{strip}|width={STRIP_WIDTH}!"]
    choice = "it is" if one else "one of them is"
    lines += [
        "",
        f"_If {choice} the same bug, link it as a duplicate. Nothing was linked or closed._",
        f"{{color:#7a869a}}Déjà Bug, {escape(encoder)}{{color}}",
    ]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Words as they are, in wiki text: no macro, link, picture, mention or mark-up."""
    one_line = " ".join(text.split())
    return WIKI_SIGNS.sub(r"\\\1", one_line)


def strength(score: float) -> str:
    """A score in plain words."""
    return next((words for least, words in STRENGTHS if score >= least), WEAKEST)


def clock(seconds: float) -> str:
    """Seconds as on a player: 1:07.5, or 0:04 when they are whole."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    fraction = f".{rest % 10}" if rest % 10 else ""
    return f"{minutes}:{rest // 10:02d}{fraction}"


def span(start: float, end: float) -> str:
    """A stretch of time as on a player; one time when it has no length. Seconds."""
    return clock(start) if end <= start else f"{clock(start)}–{clock(end)}"


def _entry(suggestion: Suggested, browse_url: str) -> list[str]:
    link = f"[{suggestion.key}|{browse_url}/browse/{suggestion.key}]"
    summary = suggestion.summary
    if len(summary) > LONGEST_SUMMARY:
        summary = summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
    lines = [
        f"* *{link}* {escape(summary)}",
        f"** {strength(suggestion.score)} (score {suggestion.score:.2f}), {_state(suggestion)}",
    ]
    if suggestion.kinds:
        lines.append(f"** Kind of bug: {escape(', '.join(suggestion.kinds))}")
    if suggestion.moments:
        where = f" of {escape(suggestion.filename)}" if suggestion.filename else ""
        pairs = "; ".join(
            f"{span(pair.query_start, pair.query_end)} here, "
            f"{span(pair.match_start, pair.match_end)} there{where}"
            for pair in suggestion.moments
        )
        lines.append(f"** Same moment: {pairs}")
    return lines


def _state(suggestion: Suggested) -> str:
    status = f"status {escape(suggestion.status or 'unknown')}"
    if not suggestion.resolution:
        return f"{status}, unresolved"
    fixed = suggestion.resolution.lower() in ("fixed", "done")
    if not fixed:
        return f"{status}, resolved as {escape(suggestion.resolution)}"
    where = f" in {escape(', '.join(suggestion.fix_versions))}" if suggestion.fix_versions else ""
    return f"{status}: fixed{where}, so this may be a regression"


def _count(number: int) -> str:
    return "an earlier ticket" if number == 1 else f"{number} earlier tickets"

"""Zero-shot tags: the kind of bug that a ticket describes, from its words.

With the `starter` encoder, frames predict the kind of bug no better than chance
(docs/explanation/quality.md), so only words are used.

Each kind has prompts. As in ZPE (Allingham et al., "A Simple Zero-shot Prompt Weighting Technique
to Improve Prompt Ensembling in Text-Image Models", ICML 2023), what all prompts have in common is
subtracted, and each prompt is weighted by how well it separates its label from the others.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from dejabug.encoders import Floats
from dejabug.infra.errors import UserError

# A tag is given from this probability up: docs/explanation/quality.md says how often it is right.
CONFIDENCE = 0.7
# Converts differences of cosines into log odds.
WORDS_TEMPERATURE = 0.08
# How strongly a prompt's weight depends on how well it separates its label from others (cosine).
PROMPT_TEMPERATURE = 0.2
_TINY = 1e-9


class LabelError(UserError):
    """A labels file cannot be used; the message names the file, the label and the problem."""


@dataclass(frozen=True)
class Label:
    """A kind of bug: its slug, its title for people, its prompts, and each prompt's weight.

    A label that is not `shown` is never given as a tag: it draws other tickets away from the rest.
    """

    name: str
    title: str
    prompts: tuple[str, ...]
    weights: tuple[float, ...]
    shown: bool = True


@dataclass(frozen=True)
class Tag:
    """A label given to a clip, and its probability (0-1)."""

    name: str
    title: str
    probability: float


def load_labels(path: Path | None = None) -> tuple[Label, ...]:
    """The labels of a TOML file, or the built-in ones. Raises LabelError."""
    source = path or resources.files("dejabug") / "bug_labels.toml"
    try:
        content = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelError(f"{source}: cannot be read as TOML: {error}") from error
    tables = content.get("label")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise LabelError(f"{source}: has no [[label]] tables")
    try:
        labels = tuple(_label(table) for table in tables)
    except ValueError as error:
        raise LabelError(f"{source}: {error}") from error
    names = [label.name for label in labels]
    for name in names:
        if names.count(name) > 1:
            raise LabelError(f"{source}: two labels are named {name!r}")
    if sum(label.shown for label in labels) < 1 or len(labels) < 2:
        raise LabelError(f"{source}: needs at least two labels, one of them with shown = true")
    return labels


class Tagger:
    """Gives tags with the text side of any encoder; embeds the prompts once.

    `embed_texts` is `Encoder.embed_texts`: n texts → float32 [n, d], unit rows.
    """

    def __init__(
        self,
        embed_texts: Callable[[Sequence[str]], Floats],
        labels: Sequence[Label],
    ) -> None:
        self._labels = tuple(labels)
        texts = [prompt for label in self._labels for prompt in label.prompts]
        vectors = embed_texts(texts)
        ends = np.cumsum([len(label.prompts) for label in self._labels])[:-1]
        prompts = np.split(vectors, ends)
        self._centre, self._directions = directions(
            prompts, [np.asarray(label.weights, np.float32) for label in self._labels]
        )

    def tags(self, words: Floats, confidence: float = CONFIDENCE) -> list[Tag]:
        """The tags that a ticket's text vector, float32 [d], gives with at least this `confidence`,
        most probable first: at most one for a confidence above a half."""
        found = [
            Tag(label.name, label.title, float(chance))
            for label, chance in zip(self._labels, self.probabilities(words), strict=True)
            if label.shown and chance >= confidence
        ]
        return sorted(found, key=lambda tag: (-tag.probability, tag.name))

    def probabilities(self, words: Floats) -> Floats:
        """The probability of each label, in the order of the labels, float32 [labels]."""
        centred = words - self._centre
        centred /= max(float(np.linalg.norm(centred)), _TINY)
        odds = self._directions @ centred / WORDS_TEMPERATURE
        chances = np.exp(odds - odds.max())
        shares: Floats = (chances / chances.sum()).astype(np.float32)
        return shares


def directions(prompts: Sequence[Floats], weights: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Each label's prompts [p, d] and their weights [p] → common part [d], unit rows [labels, d].

    A prompt's own weight is multiplied by how well it separates its label from the others: the
    softmax, over the label's prompts, of its cosine to its label's mean minus that to the nearest
    other.
    """
    means = np.stack([group.mean(axis=0) for group in prompts])
    centre: Floats = means.mean(axis=0)
    middles = _unit(means - centre)
    found = []
    for number, (group, given) in enumerate(zip(prompts, weights, strict=True)):
        centred = _unit(group - centre)
        cosines = centred @ middles.T
        own = cosines[:, number]
        others = np.delete(cosines, number, axis=1)
        margins = own - (others.max(axis=1) if others.shape[1] else 0.0)
        telling = given * np.exp((margins - margins.max()) / PROMPT_TEMPERATURE)
        found.append((centred * (telling / max(telling.sum(), _TINY))[:, None]).sum(axis=0))
    return centre, _unit(np.stack(found))


def _unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), _TINY)
    return scaled


def _label(table: Mapping[str, Any]) -> Label:
    """Raises ValueError with the problem."""
    name = table.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"a label's name may only have a-z, 0-9 and _, not {name!r}")
    unknown = set(table) - {"name", "title", "prompts", "shown"}
    if unknown:
        raise ValueError(f"label {name!r} has unknown keys: {', '.join(sorted(unknown))}")
    title, shown = table.get("title", name), table.get("shown", True)
    if not isinstance(title, str) or not title.strip():
        raise ValueError(f"label {name!r} has no title")
    if not isinstance(shown, bool):
        raise ValueError(f"label {name!r}: shown must be true or false, not {shown!r}")
    prompts = table.get("prompts")
    if not isinstance(prompts, list) or not prompts:
        raise ValueError(f"label {name!r} has no list of prompts")
    pairs = [_prompt(name, prompt) for prompt in prompts]
    return Label(name, title, tuple(text for text, _ in pairs), tuple(w for _, w in pairs), shown)


def _prompt(name: str, prompt: Any) -> tuple[str, float]:
    given = prompt if isinstance(prompt, dict) else {"text": prompt}
    text, weight = given.get("text"), given.get("weight", 1.0)
    if not isinstance(text, str) or not text.strip() or set(given) - {"text", "weight"}:
        raise ValueError(f"label {name!r}: {prompt!r} must be a text or {{ text, weight }}")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < 1e6:
        raise ValueError(f"label {name!r}: the weight of {text!r} must be a number above 0")
    return text, float(weight)

"""Words as queries for clips: the shipped maps compared with plain ConSE and chance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from dejabug import media
from dejabug.encoders.prompts import embed_query
from dejabug.encoders.starter import JOINT_SHARE, StarterEncoder
from dejabug.evaluation.manifest import Entry, read_manifest
from dejabug.evaluation.metrics import at_random, summarise
from tools.text_map.fit import CLASS_TEMPLATES, Array, class_names, conse, read_names, softmax, unit

# The softened maximum over a clip's frames, in units of cosine in the joint part.
SOFTNESS = 0.03


def compare(encoder: StarterEncoder, folder: Path) -> Table:
    """Each buggy ticket's summary is a query for all clips of its group; frames at 2 a second."""
    entries = read_manifest(folder)
    plain = read_names(encoder, class_names(), CLASS_TEMPLATES[1:2])
    centre = plain.mean(0)
    classes = unit(plain - centre)
    joint, baseline = [], []
    visual = encoder._visual_size()
    for entry in entries:
        vectors = encoder.embed_images(
            media.sample_frames(folder / entry.file, short_side=260).pixels
        )
        joint.append(vectors[:, visual:] / JOINT_SHARE**0.5)
        baseline.append(conse(softmax(_logits(encoder, vectors[:, :visual])), classes))
    asked = [n for n, entry in enumerate(entries) if entry.group]
    words = [entries[n].summary for n in asked]
    mapped = encoder.embed_texts(words)[:, visual:]
    prompted = np.stack([embed_query(encoder, text) for text in words])[:, visual:]
    with torch.inference_mode():
        sentences = unit(encoder._read(words).cpu().numpy() - centre)
    table = Table("query: the summary", "mRR", "mAP", "HIT@1", "HIT@5")
    for name, texts, clips, softness in (
        ("ConSE", sentences, baseline, 0.0),
        ("maps", mapped, joint, 0.0),
        ("maps, softened maximum", mapped, joint, SOFTNESS),
        ("maps, prompts", prompted, joint, 0.0),
        ("maps, prompts, softened maximum", prompted, joint, SOFTNESS),
    ):
        found = summarise(_ranks(texts, clips, asked, entries, softness))
        row = (found.mrr, found.map, found.hit1, found.hit5)
        table.add_row(name, *(f"{value:.3f}" for value in row))
    sizes = [sum(other.group == entries[n].group for other in entries) for n in asked]
    chance = at_random(sizes, [len(entries)] * len(asked))
    row = (chance.mrr, chance.map, chance.hit1, chance.hit5)
    table.add_row("chance", *(f"{value:.3f}" for value in row))
    return table


def _logits(encoder: StarterEncoder, visual: Array) -> Array:
    # The features' length was lost when they became a unit vector; 14 is its mean on footage.
    head = encoder._vision._fc
    weights, bias = (part.float().cpu().numpy() for part in (head.weight, head.bias))
    logits: Array = 14.0 * unit(visual) @ weights.T + bias
    return logits


def _ranks(
    texts: Array,
    clips: Sequence[Array],
    asked: Sequence[int],
    entries: Sequence[Entry],
    soft: float,
) -> list[list[int]]:
    scores = np.stack([_pool(texts @ frames.T, soft) for frames in clips], axis=1)
    ranks = []
    for row, number in zip(scores, asked, strict=True):
        order = np.argsort(-row, kind="stable")
        right = [entries[n].group == entries[number].group for n in order]
        ranks.append((np.flatnonzero(right) + 1).tolist())
    return ranks


def _pool(scores: Array, softness: float) -> Array:
    pooled: Array = (
        softness * np.log(np.exp(scores / softness).mean(1)) if softness else scores.max(1)
    )
    return pooled

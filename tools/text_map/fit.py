"""From names to maps: ridge regressions, and how well they work for held-out names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dejabug.encoders.starter import StarterEncoder
from dejabug.encoders.starter_text import SPREAD, to_lab

Array = npt.NDArray[np.float32]
# A score of n queries (rows) against n answers, of which the n-th is right.
Scores = Array

# Ridge strengths, chosen by `cross_validate` (see docs/explanation/experiments.md).
SEEING_RIDGE = 10.0
COLOUR_RIDGE = 3.0
PALETTE = 64
FOLDS = 5
# Noise on held-out classes' weights, which represent images of these classes. At 0.5 per number,
# the network's own classifier gets 70 % of the noisy ones right, close to its accuracy on photos
# (77 %).
NOISE = 0.5

CLASS_TEMPLATES = (
    "{}",
    "a photo of a {}",
    "a photo of the {}",
    "a picture of a {} in a video game",
    "a screenshot showing a {}",
    "there is a {} in the scene",
    "a {} in the foreground",
    "a drawing of a {}",
    "many {}",
    "a close-up of a {}",
    "a rendering of a {}",
    "the {} is visible",
)
COLOUR_TEMPLATES = (
    "{}",
    "a photo of something {}",
    "the color {}",
    "{} everywhere",
    "a {} scene",
    "a screenshot of a video game showing {}",
)


@dataclass(frozen=True)
class Material:
    """The training data.

    Attributes:
        classes: sentence embeddings of the ImageNet classes [1000, 384], means over templates.
        weights: the classifier's weights [1000, 1280].
        colours: sentence embeddings of the colour names [n, 384], means over templates.
        bare: the same for the names alone.
        lab: those colours in L*a*b* [n, 3].
    """

    classes: Array
    weights: Array
    colours: Array
    bare: Array
    lab: Array

    @property
    def centre(self) -> Array:
        """What all class names have in common [384]."""
        mean: Array = self.classes.mean(0)
        return mean


def gather(encoder: StarterEncoder) -> Material:
    """Read the names with the encoder's own text model (a minute on two cores)."""
    names = class_names()
    rows = [
        line.split("\t")
        for line in _lines(Path(__file__).with_name("colours.tsv").read_text("utf-8"))
    ]
    rgb = np.array([list(bytes.fromhex(value[1:])) for _, value in rows], np.float32) / 255
    words = [name for name, _ in rows]
    return Material(
        classes=read_names(encoder, names, CLASS_TEMPLATES),
        weights=encoder._vision._fc.weight.float().cpu().numpy(),
        colours=read_names(encoder, words, COLOUR_TEMPLATES),
        bare=read_names(encoder, words, COLOUR_TEMPLATES[:1]),
        lab=to_lab(torch.from_numpy(rgb)).numpy(),
    )


def fit(material: Material) -> dict[str, npt.NDArray[Any]]:
    """The arrays of `starter_text.npz`, float16 (the palette float32)."""
    palette = cluster(material.lab, PALETTE)
    shares = soft_shares(material.lab, palette)
    centre = material.centre
    maps = {
        "seeing": ridge(
            material.classes - centre, material.weights - material.weights.mean(0), SEEING_RIDGE
        ),
        "colours": ridge(material.colours - centre, shares - shares.mean(0), COLOUR_RIDGE),
        "centre": centre,
    }
    halves = {name: array.astype(np.float16) for name, array in maps.items()}
    return {**halves, "palette": palette}


def ridge(inputs: Array, targets: Array, strength: float) -> Array:
    """[n, d] → [n, k]: the map [d, k] of least squared error plus `strength` × its squared size."""
    square = inputs.T @ inputs + strength * np.eye(inputs.shape[1], dtype=np.float32)
    found: Array = np.linalg.solve(square, inputs.T @ targets).astype(np.float32)
    return found


def cluster(points: Array, count: int, rounds: int = 30) -> Array:
    """k-means: points [n, d] → centres [count, d], the same each time."""
    rng = np.random.default_rng(0)
    centres = points[rng.choice(len(points), count, replace=False)]
    for _ in range(rounds):
        nearest = _squared(points, centres).argmin(1)
        means = [
            points[nearest == n].mean(0) if (nearest == n).any() else centres[n]
            for n in range(count)
        ]
        centres = np.stack(means)
    return centres


def soft_shares(lab: Array, palette: Array) -> Array:
    """Colours [n, 3] → their shares of the palette [n, k], as `starter_text.palette_shares`."""
    return softmax(-_squared(lab, palette) / (2 * SPREAD**2))


def conse(chances: Array, classes: Array, count: int = 10) -> Array:
    """The baseline: class probabilities [n, c] and unit embeddings [c, d] → unit [n, d].

    Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014:
    the `count` most probable classes' embeddings, weighted by their probabilities.
    """
    top = np.argsort(-chances, axis=1)[:, :count]
    weights = np.take_along_axis(chances, top, axis=1)
    return unit(np.einsum("nk,nkd->nd", weights, classes[top]))


def cross_validate(material: Material) -> Iterator[tuple[str, float, float]]:
    """Held-out names against each other: the method, mRR from image to name, and back.

    For classes, "images" are the held-out weights with noise (see NOISE); for colours, they are the
    shares of the held-out colours. No clip is used.
    """
    weights, centre = material.weights, material.centre
    rng = np.random.default_rng(0)
    noise = rng.normal(size=weights.shape).astype(np.float32) * NOISE

    def classes_by(see: Callable[[Array, Array], Array]) -> tuple[float, float]:
        """`see(seen, held out)` → unit vectors of the held-out images in the space of names."""
        return _over_folds(
            len(weights),
            lambda train, held: see(train, held) @ unit(material.classes[held] - centre).T,
        )

    def by_conse(train: Array, held: Array) -> Array:
        # Logits of weights against weights are smaller than those of features: this scale makes a
        # class's own logit about 10, as with features.
        logits = 3.0 * (weights[held] + noise[held]) @ weights[train].T
        return conse(softmax(logits), unit(material.classes[train] - centre))

    yield "classes, ConSE", *classes_by(by_conse)
    for strength in (0.1, 1.0, 10.0, 100.0, 1000.0):

        def by_ridge(train: Array, held: Array, strength: float = strength) -> Array:
            mean = weights[train].mean(0)
            seeing = ridge(material.classes[train] - centre, weights[train] - mean, strength)
            return unit((weights[held] + noise[held] - mean) @ seeing.T)

        yield f"classes, ridge {strength:g}", *classes_by(by_ridge)
    for size in (32, PALETTE):
        shares = soft_shares(material.lab, cluster(material.lab, size))
        for strength in (0.1, 1.0, 3.0, 10.0):

            def by_colour(
                train: Array, held: Array, shares: Array = shares, strength: float = strength
            ) -> Array:
                mean = shares[train].mean(0)
                colours = ridge(material.colours[train] - centre, shares[train] - mean, strength)
                told = unit((material.bare[held] - centre) @ colours)
                scores: Array = np.sqrt(shares[held]) @ told.T
                return scores

            name = f"colours, palette of {size}, ridge {strength:g}"
            yield name, *_over_folds(len(shares), by_colour)


def read_names(encoder: StarterEncoder, names: Sequence[str], templates: Sequence[str]) -> Array:
    """Names → their sentence embeddings' means over templates, unit [n, 384]."""
    with torch.inference_mode():
        read = [
            torch.cat(
                [
                    encoder._read([template.format(name) for name in names[start : start + 100]])
                    for start in range(0, len(names), 100)
                ]
            )
            for template in templates
        ]
    return unit(torch.stack(read).mean(0).cpu().numpy())


def class_names() -> list[str]:
    """The 1,000 ImageNet classes in the order of the network's outputs."""
    return _lines((resources.files("dejabug.encoders") / "imagenet_classes.txt").read_text("utf-8"))


def unit(rows: Array) -> Array:
    """Rows scaled to length one."""
    scaled: Array = rows / np.linalg.norm(rows, axis=-1, keepdims=True).clip(1e-9)
    return scaled


def softmax(rows: Array) -> Array:
    """Rows of chances that sum to one."""
    chances = np.exp(rows - rows.max(-1, keepdims=True))
    scaled: Array = chances / chances.sum(-1, keepdims=True)
    return scaled


def _over_folds(count: int, score: Callable[[Any, Any], Scores]) -> tuple[float, float]:
    order = np.random.default_rng(0).permutation(count)
    there, back = [], []
    for held in np.array_split(order, FOLDS):
        scores = score(np.setdiff1d(order, held), held)
        there.append(_mrr(scores))
        back.append(_mrr(scores.T))
    return float(np.mean(there)), float(np.mean(back))


def _mrr(scores: Scores) -> float:
    ranks = (scores > np.diag(scores)[:, None]).sum(1) + 1
    return float((1 / ranks).mean())


def _squared(points: Array, centres: Array) -> Array:
    found: Array = np.square(points[:, None] - centres).sum(-1)
    return found


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]

"""A studio's own projection of frames' vectors, learned from its own duplicates.

Whitening learned from pairs (Mikolajczyk and Matas, "Improving Descriptors for Fast Tree Matching
by Optimal Linear Projection", ICCV 2007; as used for retrieval by Radenović et al., "Fine-tuning
CNN Image Retrieval", TPAMI 2019): directions in which frames of the same bug differ (camera, route,
bit rate) are shrunk, then the directions that tell a studio's clips apart are kept. The embeddings
stay frozen; it is one matrix, applied when candidates are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dejabug.ranking.background import trusted_mean
from dejabug.ranking.types import Floats, TimedVectors

# Numbers of a projected vector; more than the pairs of a young studio can tell apart.
PROJECTED = 256
# The share of the mean variance that is added to every direction, for those that few pairs have
# shown nothing of.
SHRINKAGE = 0.3


def fit_projection(
    clips: Mapping[str, TimedVectors],
    pairs: Sequence[tuple[str, str]],
    mean: Floats,
    mean_clips: int,
) -> Floats:
    """Clips' frames and pairs of clips that show the same bug → a projection float32 [d, k].

    It is to be applied to vectors that are centred on the collection's mean (float32 [d], over
    `mean_clips` clips), as `by_frames` does. `clips` should hold others than the pairs' as well:
    they show what tells clips apart. Raises ValueError without any pair.
    """
    if not pairs:
        raise ValueError("no pairs to learn from")
    origin = trusted_mean(mean, mean_clips)
    centred = {name: clip.vectors - origin for name, clip in clips.items()}
    within = np.concatenate([_differences(centred[a], centred[b]) for a, b in pairs])
    covariance = within.T.astype(np.float64) @ within / len(within)
    size = len(covariance)
    covariance += SHRINKAGE * np.trace(covariance) / size * np.eye(size)
    variances, directions = np.linalg.eigh(covariance)
    whitening = directions / np.sqrt(variances)
    whitened = np.concatenate(list(centred.values())) @ whitening
    _, apart = np.linalg.eigh(whitened.T @ whitened)
    projection: Floats = (whitening @ apart[:, ::-1][:, :PROJECTED]).astype(np.float32)
    return projection


def _differences(first: Floats, second: Floats) -> Floats:
    """Each frame of one clip less its best counterpart in the other, and the other way round."""
    cosines = first @ second.T
    there = first - second[cosines.argmax(axis=1)]
    back = second - first[cosines.argmax(axis=0)]
    return np.concatenate([there, back])

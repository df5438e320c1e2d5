"""A few words as a query for frames: the mean over sentences that could caption an image.

Dual encoders are trained on captions, so a bare "red car" is embedded a little away from images of
red cars. Averaging over sentences that contain the words helps (Radford et al., "Learning
Transferable Visual Models From Natural Language Supervision", ICML 2021, section 3.1.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dejabug.encoders.base import Encoder, Floats

TEMPLATES = ("{}", "a photo of {}", "a screenshot of a video game showing {}")
# Longer texts are already sentences: wrapping them in another sentence does not help.
SHORT = 12  # words


def ensemble(words: str) -> list[str]:
    """The texts that represent a query: one per template if it is short, else the query itself."""
    plain = " ".join(words.split())
    if not plain or len(plain.split(" ")) > SHORT:
        return [words]
    # Not str.format: a tester's words may contain braces.
    return [template.replace("{}", plain) for template in TEMPLATES]


def embed_query(encoder: Encoder, words: str) -> Floats:
    """A query in words → float32 [encoder.dimensions], of length one: the mean over `ensemble`."""
    return embed_queries(encoder, [words])[0]


def embed_queries(encoder: Encoder, queries: Sequence[str]) -> list[Floats]:
    """The same for several queries, in one pass."""
    ensembles = [ensemble(words) for words in queries]
    vectors = encoder.embed_texts([text for texts in ensembles for text in texts])
    ends = np.cumsum([len(texts) for texts in ensembles])
    return [_mean(some) for some in np.split(vectors, ends[:-1])]


def _mean(vectors: Floats) -> Floats:
    mean = vectors.mean(axis=0)
    unit: Floats = mean / max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny)
    return unit

"""A few words as a query for frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.encoders import EncoderError, Floats
from dejabug.encoders.prompts import SHORT, TEMPLATES, embed_query, ensemble
from dejabug.encoders.starter import StarterEncoder

WORD = st.text("abcdefgh{}%", min_size=1, max_size=6)


class Recorder:
    """An encoder that gives a fixed unit vector a text, and remembers what it was asked."""

    name, label, dimensions, image_size = "recorder", "recorder", 8, 1

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_images(self, pixels: object) -> Floats:
        raise EncoderError("only words")

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        rows = [np.random.default_rng(abs(hash(text))).normal(size=8) for text in texts]
        found = np.stack([row / np.linalg.norm(row) for row in rows])
        return found.astype(np.float32)


@given(st.lists(WORD, min_size=1, max_size=2 * SHORT))
def test_short_queries_become_captions_and_long_ones_stay_themselves(words: list[str]) -> None:
    query = " ".join(words)
    texts = ensemble(query)
    assert texts[0] == query
    assert len(texts) == (len(TEMPLATES) if len(words) <= SHORT else 1)
    assert all(query in text for text in texts)


@given(st.lists(WORD, min_size=1, max_size=2 * SHORT))
def test_a_query_is_the_unit_mean_of_its_texts(words: list[str]) -> None:
    encoder = Recorder()
    query = " ".join(words)
    found = embed_query(encoder, query)
    mean = encoder.embed_texts(ensemble(query)).mean(axis=0)
    assert found.shape == (8,)
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_query_stays_near_to_its_own_words(starter: StarterEncoder) -> None:
    queries = ["a red car", "the floor is dark"]
    asked = np.stack([embed_query(starter, words) for words in queries])
    similar = asked @ starter.embed_texts(queries).T
    assert similar.diagonal().min() > 0.7
    assert (similar.argmax(axis=1) == [0, 1]).all()

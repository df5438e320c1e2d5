"""The encoders' origins."""

from __future__ import annotations

import numpy as np
import pytest

from dejabug.encoders import origins_of
from dejabug.encoders.origins import measure_origins, reference_pictures, reference_tickets
from dejabug.records.collection import ORIGINS
from dejabug.services import Services
from support.remembering import Remembering


def test_the_shipped_origins_are_those_of_the_reference_pictures_and_tickets(
    remembering: Remembering,
) -> None:
    for shipped, measured in zip(
        origins_of(remembering), measure_origins(remembering), strict=True
    ):
        cosine = shipped @ measured / np.linalg.norm(shipped) / np.linalg.norm(measured)
        assert cosine > 0.999
        assert np.linalg.norm(shipped) == pytest.approx(np.linalg.norm(measured), rel=0.01)


def test_references_are_many_and_of_many_kinds() -> None:
    pictures = reference_pictures()
    assert pictures.shape == (64, 192, 192, 3)
    assert len({picture.tobytes() for picture in pictures}) > 60
    tickets = reference_tickets()
    assert len(set(tickets)) == len(tickets) == 64
    assert all(tickets)


def test_an_encoder_of_another_name_is_measured(remembering: Remembering) -> None:
    class Other:
        name, label, dimensions, image_size = "other", "other", 3, 8

        def embed_images(self, pixels: np.ndarray) -> np.ndarray:
            return np.tile(np.float32([1, 0, 0]), (len(pixels), 1))

        def embed_texts(self, texts: list[str]) -> np.ndarray:
            return np.tile(np.float32([0, 1, 0]), (len(texts), 1))

    pictures, words = origins_of(Other())  # type: ignore[arg-type]
    assert pictures.tolist() == [1, 0, 0]
    assert words.tolist() == [0, 1, 0]


def test_processes_without_the_model_know_them_and_before_a_worker_told_they_are_at_zero(
    cold_services: Services,
) -> None:
    cold_services.collections.note_encoder(cold_services.collections.active_name, 1728, "a test's")
    assert np.linalg.norm(cold_services.collections.active.origins().pictures) > 0.1
    cold_services.collections.note_encoder("another:model", 2, "a test's")
    other = cold_services.collections.get("another:model")
    assert not other.origins().pictures.any()
    both = np.arange(4, dtype=np.float32)
    cold_services.redis.hset(ORIGINS, other.name, both.tobytes())
    assert other.origins().words.tolist() == [2, 3]

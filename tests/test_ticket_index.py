"""The words of tickets in a real Redis."""

from __future__ import annotations

import numpy as np
import pytest
import redis

from dejabug.index import BadVectorsError, TicketIndex


@pytest.fixture
def tickets(store: redis.Redis) -> TicketIndex:
    return TicketIndex(store, "clip:x@squash", 8)


def direction(number: int) -> np.ndarray:
    return np.eye(8, dtype=np.float32)[number]


def test_the_nearest_tickets_of_a_project_come_first(tickets: TicketIndex) -> None:
    tickets.write("1", "GAME", direction(0))
    tickets.write("2", "GAME", (direction(0) + direction(1)) / np.sqrt(2, dtype=np.float32))
    tickets.write("3", "OTHER", direction(0))
    found = tickets.nearest(direction(0), 10, ["GAME"])
    assert [issue for issue, _ in found] == ["1", "2"]
    assert found[1][1] == pytest.approx(np.sqrt(0.5), abs=1e-2)
    assert {issue for issue, _ in tickets.nearest(direction(0), 10, ["GAME", "OTHER"])} == set(
        "123"
    )
    assert tickets.nearest(direction(0), 10, []) == []


def test_a_ticket_written_again_moves_and_is_forgotten(tickets: TicketIndex) -> None:
    tickets.write("1", "GAME", direction(0))
    tickets.write("1", "GAME", direction(3))
    assert np.allclose(tickets.vectors(["1", "9"])["1"], direction(3))
    tickets.move("1", "NEW")
    tickets.move("9", "NEW")  # unknown: no half a ticket is made
    assert [issue for issue, _ in tickets.nearest(direction(3), 5, ["NEW"])] == ["1"]
    tickets.forget("1")
    tickets.forget("1")
    assert tickets.vectors(["1"]) == {}
    assert tickets.nearest(direction(3), 5, ["NEW"]) == []


@pytest.mark.parametrize("vector", [np.ones(7, np.float32), np.full(8, np.nan, np.float32)])
def test_a_wrong_vector_never_reaches_the_index(tickets: TicketIndex, vector: np.ndarray) -> None:
    with pytest.raises(BadVectorsError):
        tickets.write("1", "GAME", vector)
    assert tickets.vectors(["1"]) == {}
    with pytest.raises(BadVectorsError):
        tickets.nearest(np.ones(7, np.float32), 3, ["GAME"])

"""The words of tickets in a real Redis."""

from __future__ import annotations

import numpy as np
import pytest
import redis

from dejabug import ranking
from dejabug.index import BadVectorsError, TicketIndex, slug_of
from dejabug.index.queries import create_index
from dejabug.index.tickets import Said
from support.waiting import wait_until


@pytest.fixture
def tickets(store: redis.Redis) -> TicketIndex:
    return TicketIndex(store, "clip:x@squash", 8)


def direction(number: int) -> np.ndarray:
    return np.eye(8, dtype=np.float32)[number]


def test_the_nearest_tickets_of_a_project_come_first(tickets: TicketIndex) -> None:
    tickets.write("1", "GAME", direction(0), "a truck")
    tickets.write(
        "2", "GAME", (direction(0) + direction(1)) / np.sqrt(2, dtype=np.float32), "a truck"
    )
    tickets.write("3", "OTHER", direction(0), "a truck")
    found = tickets.nearest(direction(0), 10, ["GAME"])
    assert [issue for issue, _ in found] == ["1", "2"]
    assert found[1][1] == pytest.approx(np.sqrt(0.5), abs=1e-2)
    assert {issue for issue, _ in tickets.nearest(direction(0), 10, ["GAME", "OTHER"])} == set(
        "123"
    )
    assert tickets.nearest(direction(0), 10, []) == []


def test_a_ticket_written_again_moves_and_is_forgotten(tickets: TicketIndex) -> None:
    tickets.write("1", "GAME", direction(0), "a truck")
    tickets.write("1", "GAME", direction(3), "a truck")
    assert np.allclose(tickets.vectors(["1", "9"])["1"], direction(3))
    tickets.move("1", "NEW")
    tickets.move("9", "NEW")  # unknown: no half a ticket is made
    assert [issue for issue, _ in tickets.nearest(direction(3), 5, ["NEW"])] == ["1"]
    tickets.forget("1")
    tickets.forget("1")
    assert tickets.vectors(["1"]) == {}
    assert tickets.nearest(direction(3), 5, ["NEW"]) == []


def test_tickets_that_say_the_words_are_candidates_however_far_they_are(
    tickets: TicketIndex,
) -> None:
    tickets.write("1", "GAME", direction(0), "Nothing of the kind")
    nearer = (0.3 * direction(0) + 0.954 * direction(1)).astype(np.float32)
    tickets.write("2", "GAME", nearer, "Truck parked on the road")
    tickets.write("3", "GAME", direction(2), "Trucks sinking into roads")
    tickets.write("4", "OTHER", direction(0), "Truck sinks into the road")
    asked = ranking.terms_of("truck sinks into the road")
    assert list(tickets.candidates(direction(0), asked, 1, ["GAME"])) == ["1", "3", "2"]
    assert list(tickets.candidates(direction(0), ranking.terms_of("sinking"), 1, ["GAME"])) == [
        "1",
        "3",
    ]
    assert list(tickets.candidates(direction(0), [], 1, ["GAME"])) == ["1"]
    assert list(tickets.candidates(direction(0), asked, 1, [])) == []
    odd = ranking.terms_of("@project:{OTHER} | * 車が道路に沈む -c \\ (a")
    assert list(tickets.candidates(direction(0), odd, 1, ["GAME"])) == ["1"]


def test_tickets_of_an_index_before_terms_are_told_and_get_theirs(store: redis.Redis) -> None:
    slug = slug_of("clip:x@squash")
    key, name = f"dejabug:ticket:{slug}:", f"dejabug:tickets:{slug}"
    create_index(store, name, key, ("issue", "project"), 8, "FLAT")
    vector = direction(0).astype(np.float16).tobytes()
    store.hset(f"{key}1", mapping={"issue": "1", "project": "GAME", "vector": vector})
    tickets = TicketIndex(store, "clip:x@squash", 8)
    TicketIndex(store, "clip:x@squash", 8)  # a second process finds the field there
    tickets.write("2", "GAME", direction(1), "")
    wait_until(lambda: tickets.without_terms(10) == ["1"])
    assert tickets.said(["1", "9"], direction(0), ["GAME"])["1"].terms == ()
    tickets.put_words("1", "Cows everywhere")
    tickets.put_words("9", "Forgotten meanwhile")
    assert tickets.without_terms(10) == []
    said = tickets.said(["1", "9"], direction(0), ["GAME"])
    assert said == {"1": Said(pytest.approx(1.0, abs=1e-3), ("cow", "everywher"))}
    assert tickets.said([], direction(0), ["GAME"]) == {}
    asked = ranking.terms_of("cow")
    assert list(tickets.candidates(direction(1), asked, 1, ["GAME"])) == ["2", "1"]


@pytest.mark.parametrize("vector", [np.ones(7, np.float32), np.full(8, np.nan, np.float32)])
def test_a_wrong_vector_never_reaches_the_index(tickets: TicketIndex, vector: np.ndarray) -> None:
    with pytest.raises(BadVectorsError):
        tickets.write("1", "GAME", vector, "a truck")
    assert tickets.vectors(["1"]) == {}
    with pytest.raises(BadVectorsError):
        tickets.nearest(np.ones(7, np.float32), 3, ["GAME"])

"""API tokens: made, shown once, recognised, revoked; and how often they may ask."""

from __future__ import annotations

import json
import re
import time

import pytest
import redis
from typer.testing import CliRunner

from dejabug import cli, rates
from dejabug import tokens as tokens_module
from dejabug.rooms import Rooms
from dejabug.tokens import SHAPE, Tokens

runner = CliRunner()


def test_a_token_is_recognised_and_knows_its_projects(store: redis.Redis) -> None:
    secret, made = Tokens(store).create("ci", ["game", "OTHER", "GAME"])
    assert SHAPE.fullmatch(secret)
    found = Tokens(store).recognise(secret)
    assert found is not None
    assert (found.id, found.name, found.projects) == (made.id, "ci", ("GAME", "OTHER"))


def test_nothing_in_redis_is_the_secret(store: redis.Redis) -> None:
    secret, _ = Tokens(store).create("ci", ["GAME"])
    everything = b"".join(store.dump(key) or b"" for key in store.scan_iter())
    assert secret.encode() not in everything
    assert secret.removeprefix("djb_").encode() not in everything


@pytest.mark.parametrize("secret", ["", "djb_", "djb_" + "A" * 43, "djb_é", "x" * 10_000, "*"])
def test_what_is_no_token_is_nobody(store: redis.Redis, secret: str) -> None:
    Tokens(store).create("ci", ["GAME"])
    assert Tokens(store).recognise(secret) is None


def test_a_revoked_token_is_nobody_at_once(store: redis.Redis) -> None:
    tokens = Tokens(store)
    secret, made = tokens.create("ci", ["GAME"])
    assert tokens.revoke(made.id)
    assert tokens.recognise(secret) is None
    assert tokens.get(made.id) is None
    assert not tokens.revoke(made.id)
    assert tokens.all() == []


def test_an_expired_token_is_nobody_but_still_listed(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(store)
    secret, made = tokens.create("ci", ["GAME"], 3600)
    assert tokens.recognise(secret) is not None
    later = time.time() + 3601
    monkeypatch.setattr(tokens_module.time, "time", lambda: later)
    assert tokens.recognise(secret) is None
    assert tokens.get(made.id) is None
    assert [token.id for token in tokens.all()] == [made.id]


def test_last_use_is_kept_roughly(store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(store)
    secret, made = tokens.create("ci", ["GAME"])
    now = time.time()
    uses = []
    for seconds in (0, 30, 90):
        monkeypatch.setattr(tokens_module.time, "time", lambda later=now + seconds: later)
        tokens.recognise(secret)
        uses.append(tokens.all()[0].last_used)
    assert uses == [pytest.approx(now), pytest.approx(now), pytest.approx(now + 90)]
    assert made.last_used == 0


@pytest.mark.parametrize(
    ("name", "projects", "lifetime"),
    [(" ", ["GAME"], None), ("ci", [], None), ("ci", ["A B"], None), ("ci", ["GAME"], -1)],
)
def test_a_token_of_no_use_is_not_made(
    store: redis.Redis, name: str, projects: list[str], lifetime: float | None
) -> None:
    with pytest.raises(ValueError, match=r"token|project"):
        Tokens(store).create(name, projects, lifetime)
    assert Tokens(store).all() == []


def test_a_minute_holds_so_many_requests_and_tells_how_long_to_wait(store: redis.Redis) -> None:
    started, taken = time.monotonic(), 0
    while not (wait := rates.take(store, "a", 60)):
        taken += 1
    # One a second comes back meanwhile.
    assert 60 <= taken <= 61 + (time.monotonic() - started)
    assert 0 < wait <= 1
    assert rates.take(store, "b", 60) == 0.0
    time.sleep(wait + 0.05)
    assert rates.take(store, "a", 60) == 0.0


def test_tokens_from_the_command_line(cold_place: Rooms) -> None:
    made = runner.invoke(
        cli.app, ["token", "create", "--name", "ci", "--project", "GAME", "--expires", "90d"]
    )
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    token = cold_place.tokens.recognise(secret)
    assert token is not None
    assert token.expires == pytest.approx(time.time() + 90 * 24 * 3600, abs=60)
    listed = runner.invoke(cli.app, ["token", "list", "--json"])
    assert [row["id"] for row in json.loads(listed.stdout)] == [token.id]
    assert secret not in listed.stdout
    assert token.id in runner.invoke(cli.app, ["token", "list"]).stdout
    assert runner.invoke(cli.app, ["token", "revoke", token.id]).exit_code == 0
    assert cold_place.tokens.recognise(secret) is None
    assert runner.invoke(cli.app, ["token", "revoke", token.id]).exit_code == 1


def test_a_wrong_lifetime_is_explained(cold_place: Rooms) -> None:
    answer = runner.invoke(cli.app, ["token", "create", "--name", "x", "-p", "A", "--expires", "9"])
    assert answer.exit_code == 1
    assert re.search(r"write for example", answer.output)

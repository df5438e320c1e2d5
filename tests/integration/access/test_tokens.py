"""API tokens: created, shown once, recognised, revoked; and their rate limit."""

from __future__ import annotations

import json
import re
import time

import pytest
import redis
from typer.testing import CliRunner

from dejabug import cli
from dejabug.access import tokens as tokens_module
from dejabug.access.tokens import LAST_USED_STEP, SHAPE, ApiToken, Tokens
from dejabug.infra import rate_limit
from dejabug.services import Services

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
    now = int(time.time())
    uses = []
    for seconds in (0, 30, LAST_USED_STEP, LAST_USED_STEP + 1, LAST_USED_STEP + 31):
        monkeypatch.setattr(tokens_module.time, "time", lambda later=now + seconds: later)
        tokens.recognise(secret)
        uses.append(tokens.all()[0].last_used - now)
    assert uses == [0, 0, 0, LAST_USED_STEP + 1, LAST_USED_STEP + 1]
    assert made.last_used == 0


@pytest.mark.parametrize(
    ("name", "projects", "lifetime", "said"),
    [
        (" ", ["GAME"], None, "a token needs a name and at least one project"),
        ("ci", [], None, "a token needs a name and at least one project"),
        ("ci", ["A B"], None, "A B is not a valid project key; expected a key like GAME"),
        ("ci", ["GAME"], -1, "the token would expire immediately: give it a longer lifetime"),
        ("ci", ["GAME"], 0, "the token would expire immediately: give it a longer lifetime"),
    ],
)
def test_a_token_of_no_use_is_not_made(
    store: redis.Redis, name: str, projects: list[str], lifetime: float | None, said: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        Tokens(store).create(name, projects, lifetime)
    assert Tokens(store).all() == []


def test_a_token_may_live_for_a_second_and_is_over_as_that_ends(store: redis.Redis) -> None:
    _, made = Tokens(store).create(" ci ", ["GAME"], 1)
    assert made.name == "ci"
    assert made.expires == made.created + 1
    assert not made.expired(made.expires - 0.01)
    assert made.expired(made.expires)
    _, forever = Tokens(store).create("ci", ["GAME"])
    assert not forever.expired(1e12)


def test_a_token_is_found_by_its_id_while_it_is_valid(store: redis.Redis) -> None:
    _, made = Tokens(store).create("ci", ["GAME"])
    Tokens(store).create("other", ["GAME"])
    assert Tokens(store).get(made.id) == made
    assert Tokens(store).get("0" * 12) is None


def test_tokens_are_kept_whole_and_listed_by_age(store: redis.Redis) -> None:
    tokens = Tokens(store)
    kept = {
        "digest of b": ApiToken(
            "b", "second", ("GAME",), 2.0, expires=9.0, last_used=5.0, verdicts=True
        ),
        "digest of c": ApiToken("c", "third", ("GAME", "OTHER"), 3.0),
        "digest of a": ApiToken("a", "first", ("OTHER",), 1.0),
    }
    for digest, token in kept.items():
        tokens.keep(digest, token)
    assert dict(tokens.kept()) == kept
    assert [token.id for token in tokens.all()] == ["a", "b", "c"]


def test_a_token_whose_use_was_never_noted_was_never_used(store: redis.Redis) -> None:
    Tokens(store).keep("digest", ApiToken("a", "ci", ("GAME",), 1.0))
    store.hdel("dejabug:token:a", "last_used")
    (token,) = Tokens(store).all()
    assert token.last_used == 0


def test_a_token_is_kept_and_revoked_as_a_whole(store: redis.Redis) -> None:
    def transactions() -> int:
        return int(store.info("commandstats").get("cmdstat_exec", {}).get("calls", 0))

    before = transactions()
    _, made = Tokens(store).create("ci", ["GAME"])
    assert transactions() == before + 1
    Tokens(store).revoke(made.id)
    assert transactions() == before + 2


def test_a_minute_holds_so_many_requests_and_tells_how_long_to_wait(store: redis.Redis) -> None:
    started, taken = time.monotonic(), 0
    while not (wait := rate_limit.take(store, "a", 60)):
        taken += 1
    # One a second comes back meanwhile.
    assert 60 <= taken <= 61 + (time.monotonic() - started)
    assert 0 < wait <= 1
    assert rate_limit.take(store, "b", 60) == 0.0
    time.sleep(wait + 0.05)
    assert rate_limit.take(store, "a", 60) == 0.0


def test_tokens_from_the_command_line(cold_services: Services) -> None:
    made = runner.invoke(
        cli.app, ["token", "create", "--name", "ci", "--project", "GAME", "--expires", "90d"]
    )
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    token = cold_services.tokens.recognise(secret)
    assert token is not None
    assert token.expires == pytest.approx(time.time() + 90 * 24 * 3600, abs=60)
    assert not token.verdicts
    listed = runner.invoke(cli.app, ["token", "list", "--json"])
    assert [row["id"] for row in json.loads(listed.stdout)] == [token.id]
    assert secret not in listed.stdout
    assert token.id in runner.invoke(cli.app, ["token", "list"]).stdout
    assert runner.invoke(cli.app, ["token", "revoke", token.id]).exit_code == 0
    assert cold_services.tokens.recognise(secret) is None
    assert runner.invoke(cli.app, ["token", "revoke", token.id]).exit_code == 1


def test_a_token_records_verdicts_only_where_it_is_said(cold_services: Services) -> None:
    made = runner.invoke(
        cli.app, ["token", "create", "--name", "triage", "--project", "GAME", "--verdicts"]
    )
    token = cold_services.tokens.recognise(made.stdout.strip())
    assert token is not None
    assert token.verdicts
    assert "verdicts" in runner.invoke(cli.app, ["token", "list"]).stdout


def test_a_wrong_lifetime_is_explained(cold_services: Services) -> None:
    answer = runner.invoke(cli.app, ["token", "create", "--name", "x", "-p", "A", "--expires", "9"])
    assert answer.exit_code == 1
    assert re.search(r"expected for example", answer.output)

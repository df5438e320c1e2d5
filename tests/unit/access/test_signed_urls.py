"""Signed URLs: only what we signed is accepted, and only for a limited time."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dejabug.access.principals import PanelViewer, Principal, parse_principal
from dejabug.access.signed_urls import (
    LIFETIME,
    SHORTEST_SECRET,
    BadTokenError,
    MediaGrant,
    read_media,
    sign_media,
)

SECRET = b"an old secret of thirty-two signs"
NOW = 1_800_000_000.0
VIEWER = PanelViewer("viewer")
SECRETS = st.binary(min_size=SHORTEST_SECRET, max_size=64)
CLIPS = st.from_regex(r"[0-9A-Za-z]{1,20}", fullmatch=True)
PRINCIPALS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).map(
    parse_principal
)


@given(SECRETS, CLIPS, PRINCIPALS, st.floats(0, 4e9), st.integers(1, 100_000))
def test_what_was_signed_is_read_until_its_second(
    secret: bytes, clip_id: str, principal: Principal, now: float, lifetime: int
) -> None:
    token = sign_media(secret, clip_id, principal, now=now, lifetime=lifetime)
    grant = MediaGrant(clip_id, principal, int(now) + lifetime)
    assert read_media(secret, token, now=grant.expires - 0.001) == grant
    for late in (grant.expires, grant.expires + 10.0**6):
        with pytest.raises(BadTokenError):
            read_media(secret, token, now=late)


@given(st.data())
def test_a_token_with_any_sign_changed_is_refused(data: st.DataObject) -> None:
    token = sign_media(SECRET, "10042", PanelViewer("5b10ac8d82e05b22cc7d4ef5"), now=NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.one_of(st.sampled_from("AZaz09-_.="), st.characters()))
    assume(sign != token[place])
    with pytest.raises(BadTokenError):
        read_media(SECRET, token[:place] + sign + token[place + 1 :], now=NOW)


def test_every_spelling_of_the_last_sign_but_ours_is_refused() -> None:
    # Its lowest two bits belong to no byte: base64 would read all four alike.
    token = sign_media(SECRET, "10042", VIEWER, now=NOW)
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for sign in signs.replace(token[-1], ""):
        with pytest.raises(BadTokenError):
            read_media(SECRET, token[:-1] + sign, now=NOW)


@given(SECRETS)
def test_another_secret_s_token_is_refused(secret: bytes) -> None:
    assume(secret != SECRET)
    with pytest.raises(BadTokenError):
        read_media(SECRET, sign_media(secret, "1", VIEWER, now=NOW), now=NOW)


@given(st.text(max_size=200))
def test_what_never_was_a_token_is_refused_with_the_same_words(text: str) -> None:
    with pytest.raises(BadTokenError, match=r"^invalid or expired link$"):
        read_media(SECRET, text, now=NOW)


def test_parts_of_two_tokens_make_no_third() -> None:
    claim = sign_media(SECRET, "1", VIEWER, now=NOW).split(".")[0]
    mac = sign_media(SECRET, "2", VIEWER, now=NOW).split(".")[1]
    with pytest.raises(BadTokenError):
        read_media(SECRET, f"{claim}.{mac}", now=NOW)


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * (SHORTEST_SECRET - 1)])
def test_a_secret_that_could_be_guessed_is_refused(secret: bytes) -> None:
    token = sign_media(SECRET, "1", VIEWER, now=NOW)
    with pytest.raises(ValueError, match="DEJABUG_MEDIA_SECRET"):
        sign_media(secret, "1", VIEWER, now=NOW)
    with pytest.raises(ValueError, match="DEJABUG_MEDIA_SECRET"):
        read_media(secret, token, now=NOW)


@pytest.mark.parametrize("clip_id", ["", "../1", "٣"])
def test_only_ids_of_clips_are_signed(clip_id: str) -> None:
    with pytest.raises(ValueError, match="clip"):
        sign_media(SECRET, clip_id, VIEWER, now=NOW)


def test_an_address_lives_for_minutes() -> None:
    grant = read_media(SECRET, sign_media(SECRET, "1", VIEWER, now=NOW), now=NOW)
    assert grant.expires == NOW + LIFETIME <= NOW + 600

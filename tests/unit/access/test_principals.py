"""Principals and their names, which are used in Redis and in signed URLs."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.access.principals import (
    AccountPrincipal,
    Caller,
    EmailUser,
    OperatorPrincipal,
    PanelViewer,
    Principal,
    PublicPrincipal,
    TokenPrincipal,
    parse_principal,
)

NAMES = {
    "token:a1b2": TokenPrincipal("a1b2"),
    "account:712020:5b10ac8d": AccountPrincipal("712020:5b10ac8d"),
    "public:": PublicPrincipal(),
    "public:email:0123": PublicPrincipal("email:0123"),
    "public:U1": PublicPrincipal("U1"),
    "cli": OperatorPrincipal(),
    "712020:5b10ac8d": PanelViewer("712020:5b10ac8d"),
    "5b10ac8d82e05b22cc7d4ef5": PanelViewer("5b10ac8d82e05b22cc7d4ef5"),
    # Only the whole beginning tells the kind, in lower case.
    "token": PanelViewer("token"),
    "Token:a": PanelViewer("Token:a"),
    "tokens:a": PanelViewer("tokens:a"),
    " token:a": PanelViewer(" token:a"),
}


@pytest.mark.parametrize(("name", "principal"), NAMES.items())
def test_names_are_those_of_addresses_and_keys_that_are_out_there(
    name: str, principal: Principal
) -> None:
    assert principal.name == name
    assert parse_principal(name) == principal


@given(st.text(min_size=1))
def test_a_name_that_was_read_is_written_the_same(name: str) -> None:
    assert parse_principal(name).name == name


@given(st.sampled_from([TokenPrincipal, AccountPrincipal, PublicPrincipal]), st.text())
def test_no_id_makes_a_principal_another_kind(kind: type[TokenPrincipal], id_: str) -> None:
    principal = kind(id_)
    assert parse_principal(principal.name) == principal


@pytest.mark.parametrize("account", ["", "cli", "token:", "token:a", "account:tester", "public:U1"])
def test_no_account_of_the_panel_s_passes_for_another_principal(account: str) -> None:
    with pytest.raises(ValueError, match="not a valid Jira account id"):
        PanelViewer(account)


def test_nobody_has_no_name() -> None:
    with pytest.raises(ValueError, match="not a valid Jira account id"):
        parse_principal("")


def test_a_caller_is_anonymous_only_when_nothing_is_known_of_them() -> None:
    known = (
        TokenPrincipal("public:"),
        AccountPrincipal("1"),
        PanelViewer("1"),
        OperatorPrincipal(),
    )
    assert Caller(PublicPrincipal("10.0.0.1"), frozenset()).is_anonymous
    assert not any(Caller(each, frozenset()).is_anonymous for each in known)


def test_a_user_is_counted_by_a_name_that_does_not_tell_their_e_mail() -> None:
    digest = hashlib.sha256(b"tess@studio.example").hexdigest()
    assert EmailUser("tess@studio.example").digest_name == f"email:{digest[:32]}"

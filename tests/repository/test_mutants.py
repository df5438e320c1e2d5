"""`make mutants`: its table of packages, its list of survivors, and its verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.repository import ROOT
from tools.mutants.packages import PACKAGES, SOURCE, chosen
from tools.mutants.survivors import Outcome, Survivor, complaints, outdated, read_known

ONE = Survivor("service/dejabug/a.py", "f", 'return "a"', 'return "XXaXX"')
TWO = Survivor("service/dejabug/b.py", "C.g", "x = 1", "x = None")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_has_sources_and_tests(name: str) -> None:
    package = PACKAGES[name]
    assert all(list((ROOT / SOURCE).glob(glob)) for glob in package.sources)
    assert all((ROOT / path).is_file() for path in package.tests)


def test_a_package_is_chosen_by_its_name_and_all_by_one() -> None:
    assert list(chosen("policy")) == ["policy"]
    assert chosen("all") == PACKAGES
    for name, said in ((None, "make mutants PACKAGE="), ("", "PACKAGE="), ("rank", "'rank'")):
        with pytest.raises(ValueError, match=said) as caught:
            chosen(name)
        assert all(each in str(caught.value) for each in (*PACKAGES, "all"))


def test_every_known_survivor_has_a_reason_and_belongs_to_a_package() -> None:
    known = read_known(ROOT / "tools" / "mutants" / "survivors.toml")
    globs = [f"{SOURCE}/{glob}" for package in PACKAGES.values() for glob in package.sources]
    for survivor in known:
        assert any(Path(survivor.file).match(glob) for glob in globs), survivor
        assert (ROOT / survivor.file).is_file(), survivor


def test_an_entry_is_read_as_it_is_written_and_not_without_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text(f"{ONE.entry()}\n", "utf-8")
    with pytest.raises(ValueError, match=r"entry 1 \(f\) has no reason"):
        read_known(path)
    path.write_text(ONE.entry().replace('reason = ""', 'reason = "text for people"'), "utf-8")
    assert read_known(path) == {ONE: "text for people"}
    path.write_text(ONE.entry().replace("mutated", "changed"), "utf-8")
    with pytest.raises(ValueError, match="entry 1 has no 'mutated'"):
        read_known(path)


def test_a_survivor_without_a_reason_is_told_ready_to_be_added() -> None:
    outcome = Outcome(made=20, killed=17, timed_out=1, survived=(ONE, TWO))
    (told,) = complaints(outcome, {TWO: "why"})
    assert ONE.entry() in told
    assert TWO.entry() not in told
    assert complaints(outcome, {ONE: "why", TWO: "why"}) == []
    assert str(outcome) == ("20 mutants: 18 noticed (17 killed, 1 by time-out), 2 survived (10.0%)")


def test_more_than_one_in_ten_is_too_many_whatever_the_reasons() -> None:
    outcome = Outcome(made=19, killed=17, timed_out=0, survived=(ONE, TWO))
    assert complaints(outcome, {ONE: "why", TWO: "why"}) == ["10.5% survived; at most 10% may."]
    assert complaints(Outcome(0, 0, 0, ()), {}) == []


def test_an_entry_that_no_longer_survives_is_named_for_its_own_package_only() -> None:
    known = {ONE: "why", TWO: "why"}
    assert outdated(known, [], [ONE.file]) == [ONE]
    assert outdated(known, [ONE], [ONE.file, TWO.file]) == [TWO]

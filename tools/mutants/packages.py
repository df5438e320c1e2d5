"""The packages that can be mutated: their source files, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "service/dejabug"


@dataclass(frozen=True)
class Package:
    """Source files as globs below `service/dejabug`, and the test files that cover them.

    The test files run once for each mutant, so only the fast ones are listed.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]


PACKAGES = {
    "ranking": Package(
        ("ranking/*.py",),
        (
            "tests/unit/ranking/test_ranking.py",
            "tests/unit/ranking/test_ranking_by_hand.py",
            "tests/unit/ranking/test_calibration.py",
            "tests/integration/retrieval/test_moments.py",
            "tests/unit/ranking/test_terms.py",
            "tests/unit/ranking/test_relevance.py",
            "tests/unit/ranking/test_copies.py",
            "tests/unit/ranking/test_patches.py",
        ),
    ),
    "policy": Package(
        ("access/policy.py", "retrieval/pairs.py", "retrieval/selection.py"),
        ("tests/unit/access/test_policy.py",),
    ),
    "visibility": Package(
        (
            "access/principals.py",
            "access/visibility.py",
            "access/visibility_cache.py",
            "access/jira_as_viewer.py",
        ),
        (
            "tests/unit/access/test_principals.py",
            "tests/integration/access/test_visibility.py",
            "tests/integration/access/test_visibility_cache.py",
            "tests/integration/access/test_jira_as_viewer.py",
        ),
    ),
    "tokens": Package(("access/tokens.py",), ("tests/integration/access/test_tokens.py",)),
    "webhooks": Package(("jira/webhook_events.py",), ("tests/unit/jira/test_webhook_events.py",)),
}
# Means all packages, one after another.
ALL = "all"


def chosen(name: str | None) -> dict[str, Package]:
    """The packages with this name. Raises ValueError, which lists the names, if there is none."""
    names = ", ".join((*PACKAGES, ALL))
    if not name:
        raise ValueError(
            f"which package? For example: make mutants PACKAGE=policy\nThere are: {names}\n"
            "To test only the last survivors again: make mutants PACKAGE=policy ARGS=--survivors"
        )
    if name == ALL:
        return PACKAGES
    if name not in PACKAGES:
        raise ValueError(f"unknown package {name!r}. There are: {names}")
    return {name: PACKAGES[name]}

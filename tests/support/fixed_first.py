"""A pytest plugin that notices mutants sooner: tests of fixed examples run first, and Hypothesis
does not shrink the failing example, since nobody reads it.

The profile makes the same examples each time and stores none, so a mutant is killed in every run or
in none.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

PROFILE = "mutants"
settings.register_profile(
    PROFILE, settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate)
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hypothesis's tests last; the others as they come."""
    items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))

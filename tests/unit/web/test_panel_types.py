"""The panel's TypeScript types are generated from the service's models."""

from __future__ import annotations

from tools import panel_types


def test_the_schema_of_the_panel_s_types_is_that_of_the_models() -> None:
    """The panel's own tests (`types.test.ts`) see that the types are those of the schema."""
    assert panel_types.SCHEMA.read_text("utf-8") == panel_types.text(), "run: make panel-types"

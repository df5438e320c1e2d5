"""The panel's data as a JSON schema, from which `make panel-types` makes its TypeScript types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from dejabug.web.heat_maps import HeatMapPair, HeatMaps
from dejabug.web.matches import Similar

SCHEMA = Path(__file__).parents[1] / "plugin/panel/answer.schema.json"
MODELS = (Similar, HeatMapPair, HeatMaps)


class _ForTypeScript(GenerateJsonSchema):
    """As json-schema-to-typescript needs it: a field with a title would become a separate type, and
    it recognises pairs only by draft 7's `items`."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def tuple_schema(self, schema: Any) -> dict[str, Any]:
        found = super().tuple_schema(schema)
        return {("items" if name == "prefixItems" else name): each for name, each in found.items()}


def schema() -> dict[str, Any]:
    """The schema of everything that the panel and the service exchange, by the models' names."""
    pairs = [(model, "serialization") for model in MODELS]
    _, found = models_json_schema(pairs, schema_generator=_ForTypeScript)  # type: ignore[arg-type]
    each = [{"$ref": f"#/$defs/{model.__name__}"} for model in MODELS]
    draft = "http://json-schema.org/draft-07/schema#"
    return {"$schema": draft, "title": "Exchanged", "oneOf": each, **found}


def text() -> str:
    """The same as in the file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")

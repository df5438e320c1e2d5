"""Read records from Redis, including those written by another version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dejabug.index import text_of

# Rows per round trip when all are read.
SOME = 500


def fields_of(record: type[Any], row: Mapping[Any, Any]) -> dict[str, Any]:
    """The stored fields that the record class has in this version, as strings."""
    names = {field.name for field in fields(record)}
    found = {text_of(name): text_of(value) for name, value in row.items()}
    return {name: value for name, value in found.items() if name in names}

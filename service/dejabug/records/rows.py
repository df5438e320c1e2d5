"""Rows of Redis as records, also those that another version wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dejabug.index import text_of

# Rows that are read in one round trip where all of them are wanted.
SOME = 500


def fields_of(record: type[Any], row: Mapping[Any, Any]) -> dict[str, Any]:
    """The stored fields that a record has today, as texts."""
    names = {field.name for field in fields(record)}
    found = {text_of(name): text_of(value) for name, value in row.items()}
    return {name: value for name, value in found.items() if name in names}

"""Checks of settings' values, and errors about them in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationError
from pydantic.fields import FieldInfo

from dejabug.infra.errors import UserError
from dejabug.infra.labels import checked_threshold


def address(url: str) -> str:
    """A URL without the slash at its end. Raises ValueError for an invalid URL."""
    try:
        urlsplit(url)
    except ValueError:
        raise ValueError("it is not a valid URL") from None
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(address)]

# These don't persist, can't be reached by other machines, or are read-only.
NO_STORES = ("file", "local", "memory", "http", "https", "data")


def object_store(url: str) -> str:
    """A bucket with an optional prefix: no credentials, options or chained file systems. Raises
    ValueError."""
    if not url:
        return url
    if re.fullmatch(r"[a-z][a-z0-9+-]*://[\w.-]+(/[\w.=-]+)*/?", url, re.ASCII) is None:
        raise ValueError(
            "expected a bucket with an optional prefix, like s3://bucket/dejabug. Set credentials "
            "and options in their own environment variables (docs/how-to/object-store.md)"
        )
    if url.startswith(tuple(f"{each}://" for each in NO_STORES)):
        raise ValueError(
            "expected an object store that the web service and the workers can reach. To use a "
            "shared folder, leave this empty and set DEJABUG_DATA_DIR"
        )
    return url.rstrip("/")


def allowed_threshold(threshold: float) -> float:
    """A threshold for comments, unchanged. Raises ValueError for one that is not allowed."""
    try:
        return checked_threshold(threshold)
    except UserError as error:
        raise ValueError(str(error)) from None  # the exception that pydantic expects


def in_words(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """The wrong settings, one per line, each with an example. Never repeats their values."""
    lines = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(each["loc"][0])
        variable = f"DEJABUG_{name.upper()}"
        why = each["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        field = fields[name]
        example = (field.examples or [field.default])[0]
        shown = f" Example: {variable}={example}" if example not in ("", None) else ""
        lines.append(f"{variable} is not valid: {why}.{shown}")
    return "\n".join(lines)

"""Other settings, and other parts, for services that a test already has."""

from __future__ import annotations

from typing import Any

from dejabug.services import Services
from dejabug.settings import Settings

# What is opened once: all else is built again, from the settings as they are then.
KEPT = ("settings", "pinned", "connections", "loaded", "redis", "encoder", "scale")


def use_settings(parts: Services, settings: Settings) -> None:
    """Have services go by other settings from now on."""
    _build_again(parts, settings=settings)


def use_jira(parts: Services, jira: Any) -> None:
    """Have services ask another Jira from now on."""
    _build_again(parts, jira=jira)


def use_visibility(parts: Services, visibility: Any) -> None:
    """Give services another source of who can see what."""
    _build_again(parts, visibility=visibility)


def _build_again(parts: Services, **given: Any) -> None:
    built = vars(parts)
    for name in [name for name in built if name not in KEPT]:
        del built[name]
    built.update(given)

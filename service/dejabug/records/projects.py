"""The rules of each project: on, quiet or off, and the threshold for comments."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import redis

from dejabug.index import text_of
from dejabug.infra.errors import UserError
from dejabug.infra.labels import COMMENT_FLOOR, checked_threshold

KEY = "dejabug:project-rules"
# on: comments and panel; quiet: panel only; off: neither, and new clips are not indexed.
Mode = Literal["on", "quiet", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Rules:
    """A project's rules. `threshold`: the lowest score that comments list; None for
    DEJABUG_COMMENT_THRESHOLD. An earlier version may have stored one below COMMENT_FLOOR; then the
    floor is used."""

    mode: Mode = "on"
    threshold: float | None = None

    @property
    def too_low(self) -> bool:
        """Whether the threshold is below the minimum for comments."""
        return self.threshold is not None and self.threshold < COMMENT_FLOOR

    def raised(self) -> Rules:
        """The same rules with a threshold of at least the minimum for comments."""
        return replace(self, threshold=COMMENT_FLOOR) if self.too_low else self


class Projects:
    """The rules in Redis, by project key. A project without rules has the default ones."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def rules(self, project: str) -> Rules:
        """A project's rules."""
        found = self._redis.hget(KEY, project)
        return _read(found) if found else Rules()

    def put(self, project: str, rules: Rules) -> None:
        """Set a project's rules. Raises UserError for an unknown mode, and for a threshold below
        the minimum or above 1."""
        if rules.mode not in MODES:
            raise UserError(
                f"{rules.mode} is not a valid mode; expected one of: {', '.join(MODES)}"
            )
        if rules.threshold is not None:
            checked_threshold(rules.threshold)
        if rules == Rules():
            self._redis.hdel(KEY, project)
        else:
            self._redis.hset(KEY, project, json.dumps(asdict(rules)))

    def all(self) -> dict[str, Rules]:
        """The rules of all projects that have rules."""
        rows = self._redis.hgetall(KEY).items()
        return {text_of(project): _read(row) for project, row in rows}

    def off(self) -> frozenset[str]:
        """The projects that are off: their issues are not shown anywhere."""
        return frozenset(project for project, rules in self.all().items() if rules.mode == "off")


def _read(row: Any) -> Rules:
    raw = json.loads(row)
    return Rules(raw["mode"], raw.get("threshold"))

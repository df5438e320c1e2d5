"""How Déjà Bug behaves in each project: on, quiet or off, and how sure it must be to comment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import redis

from dejabug.index import text_of
from dejabug.infra.errors import UserError
from dejabug.infra.labels import COMMENT_FLOOR, checked_threshold

KEY = "dejabug:project-rules"
# on: comment and panel; quiet: the panel only; off: neither, and no new clip is read.
Mode = Literal["on", "quiet", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Rules:
    """A project's own rules. `threshold`: the least probability that is commented, None for the
    studio's (DEJABUG_COMMENT_THRESHOLD). An earlier version may have stored one below the comment's
    floor; then the floor counts."""

    mode: Mode = "on"
    threshold: float | None = None

    @property
    def too_low(self) -> bool:
        """Whether the threshold is below the comment's floor."""
        return self.threshold is not None and self.threshold < COMMENT_FLOOR

    def raised(self) -> Rules:
        """The same rules with a threshold of at least the comment's floor."""
        return replace(self, threshold=COMMENT_FLOOR) if self.too_low else self


class Projects:
    """The rules in Redis, by project key. A project without any has the usual ones."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def rules(self, project: str) -> Rules:
        """A project's rules."""
        found = self._redis.hget(KEY, project)
        return _read(found) if found else Rules()

    def put(self, project: str, rules: Rules) -> None:
        """Set a project's rules. Raises UserError for what is no mode, and for a threshold
        below the comment's floor or above 1."""
        if rules.mode not in MODES:
            raise UserError(f"no such mode: {rules.mode}; there are: {', '.join(MODES)}")
        if rules.threshold is not None:
            checked_threshold(rules.threshold)
        if rules == Rules():
            self._redis.hdel(KEY, project)
        else:
            self._redis.hset(KEY, project, json.dumps(asdict(rules)))

    def all(self) -> dict[str, Rules]:
        """The rules of all projects that have their own."""
        rows = self._redis.hgetall(KEY).items()
        return {text_of(project): _read(row) for project, row in rows}

    def off(self) -> frozenset[str]:
        """The projects that are switched off: their issues are shown nowhere."""
        return frozenset(project for project, rules in self.all().items() if rules.mode == "off")


def _read(row: Any) -> Rules:
    raw = json.loads(row)
    return Rules(raw["mode"], raw.get("threshold"))

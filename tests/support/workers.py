"""The queues' jobs, run in the test's process, and a worker that is killed during one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import pytest

from dejabug.infra.job_queue import QUEUES
from dejabug.services import Services
from dejabug.worker.warm_worker import WarmWorker


def work(services: Services, *, previews: bool = False) -> None:
    """Run every job that is queued, and those that they queue, in order; previews only where they
    are wanted."""
    queues = [services.queues.get(name) for name in QUEUES if previews or name != "previews"]
    for _ in range(20):
        WarmWorker(queues, services.redis).work(burst=True, logging_level="WARNING")
        if not any(queue.count for queue in queues):
            return


def clips_waiting(services: Services) -> int:
    """How many clips' jobs wait; tickets' words wait in the same queue."""
    return sum(job_id.startswith("clip-") for job_id in services.queues.get("clips").job_ids)


class KilledError(Exception):
    """Stands for a worker's end at one line."""


@contextmanager
def killed_at(room: Any, name: str) -> Iterator[None]:
    """What is done meanwhile ends where it would call this function of a module or a class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, name, Mock(side_effect=KilledError))
        with pytest.raises(KilledError):
            yield

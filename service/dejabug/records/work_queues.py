"""The queues that workers take jobs from."""

from __future__ import annotations

import redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from dejabug.infra.job_queue import EMBEDDING_QUEUES, QUEUES, ReliableQueue
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections


class WorkQueues:
    """QUEUES, and the queues of each collection. `shows_media`: whether previews are generated."""

    def __init__(
        self, connection: redis.Redis, collections: Collections, *, shows_media: bool
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._shows_media = shows_media

    def get(self, name: str) -> Queue:
        """One of QUEUES, or a queue of a collection. Jobs are JSON, so that someone who can write
        to Redis can't run code on the workers."""
        return ReliableQueue(name, connection=self._redis, serializer=JSONSerializer)

    def of(self, collection: Collection) -> Queue:
        """The queue of a collection's clips and tickets."""
        active = collection.name == self._collections.active_encoder.roles().active
        return self.get("clips" if active else collection.own_queue("clips"))

    def of_worker(self, names: list[str]) -> list[str]:
        """Of these queues, those that a worker with the settings' model can work on now, in order.
        Queues that need the model are included only while its encoder is active; the encoder's own
        queues always."""
        found: list[str] = []
        collection = self._collections.configured
        active = self._collections.is_active(collection)
        for name in names:
            if name not in EMBEDDING_QUEUES or active:
                found.append(name)
            if name in EMBEDDING_QUEUES:
                found.append(collection.own_queue(name))
        return found

    def workers(self) -> dict[str, int]:
        """The number of live workers on each of QUEUES that this installation uses."""
        idle = set() if self._shows_media else {"previews"}
        return self._workers_on([name for name in QUEUES if name not in idle])

    def workers_of(self, collection: Collection) -> dict[str, int]:
        """The number of live workers with this collection's model, on each of EMBEDDING_QUEUES."""
        found = self._workers_on([collection.own_queue(name) for name in EMBEDDING_QUEUES])
        return dict(zip(EMBEDDING_QUEUES, found.values(), strict=True))

    def has_worker(self, name: str) -> bool:
        """Whether a live worker works on this queue."""
        return bool(self._workers_on([name])[name])

    def _workers_on(self, names: list[str]) -> dict[str, int]:
        served = [
            name for worker in Worker.all(connection=self._redis) for name in worker.queue_names()
        ]
        return {name: served.count(name) for name in names}

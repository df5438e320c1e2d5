"""A studio with something of everything in Redis, for tests of backups and other code that reads
all."""

from __future__ import annotations

import numpy as np

from dejabug.index import ClipLocation
from dejabug.ingest.reconcile import WATERMARKS
from dejabug.ranking import Calibration, Calibrations, Floats, Signature
from dejabug.records.comments import CommentRecord
from dejabug.records.learned_parameters import LearnedParameters, write_learned
from dejabug.records.outbox import PENDING
from dejabug.records.projects import Rules
from dejabug.records.throughput import Throughput
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.records.verdicts import Verdict
from dejabug.services import Services

LENGTH = 8


def unit(*shape: int, seed: int = 0) -> Floats:
    """Random unit vectors that half precision keeps as they are, float32 of this shape."""
    rows = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    halves = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float16)
    return halves.astype(np.float32)


def signature(number: int) -> Signature | None:
    """A clip's signature of `number` + 1 pictures; every third has none, of an earlier version."""
    count = number + 1
    grey = np.random.default_rng(number).integers(0, 256, (count, 12, 12), dtype=np.uint8)
    times = np.arange(count, dtype=np.float32) / 3
    return None if number % 3 == 2 else Signature(times, grey)


def fill(services: Services, clips: int = 5) -> None:
    """A studio with something of everything, under two encoders, with no model loaded."""
    for name in (services.collections.active_name, "another:model"):
        services.collections.note_encoder(name, LENGTH, f"{name} on a test")
        onto = services.collections.get(name)
        for number in range(clips):
            issue, clip = str(10001 + number), str(20001 + number)
            services.collections.active.catalogue.put_issue(
                IssueRecord(issue, f"GAME-{number}", "GAME", "Truck Town", number == 1, "f", True)
            )
            onto.catalogue.put_words(issue, f"words {number}")
            vector, words = unit(LENGTH, seed=number), f"words {number}"
            onto.tickets.write(issue, "GAME", vector, words, restricted=True)
            onto.catalogue.words_embedded(issue, f"words {number}")
            record = ClipRecord(
                clip, issue, "ein Bär.mp4", 7, ClipStatus.INDEXED, "", 3, 1.5, "a" * 64, 1e9
            )
            onto.index.write_clip(
                clip,
                ClipLocation(issue, "GAME", "Truck Town", restricted=True),
                np.arange(3, dtype=np.float32) / 2,
                unit(3, LENGTH, seed=number),
                signature(number),
            )
            onto.catalogue.put_clip(record)
        onto.catalogue.put_tags("10001", ["Clipping"])
        onto.catalogue.put_clip(ClipRecord("30001", "10001", "b.mp4", 1, ClipStatus.FAILED, "x: y"))
        onto.catalogue.put_clip(ClipRecord("30002", "10001", "c.mp4", 1).purged())
        Throughput(services.redis, name).record(4.5, 100)
        curve = Calibration(2.0, 0.5, -1.0, 0.3, -2.0)
        write_learned(services.redis, name, LearnedParameters(Calibrations(curve, curve)))
    services.records.comments.put_comment(
        "10002", CommentRecord("40001", "digest", "50001", ("10001", "10003"))
    )
    services.records.comments.mute("10003", True)
    services.records.comments.put_note("10002", "_To Tess:_ done", ["10003"])
    services.records.verdicts.put(Verdict("10001", "10002", False, "person", 1e9))
    services.records.verdicts.linked("10003", ["10004"])
    services.records.projects.put("GAME", Rules("quiet", 0.95))
    services.tokens.create("ci", ["GAME"], 3600)
    services.records.retention.put("clips", "GAME", 5e8)
    services.records.retention.put("pictures", "*", 6e8)
    services.redis.hset(WATERMARKS, "GAME", 1.5e9)
    services.redis.zadd(PENDING, {"10005": 0})

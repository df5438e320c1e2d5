"""Checks of what searches rest on: the model, the index, the scores."""

from __future__ import annotations

import redis

from dejabug.cli.doctor.finding import UnwellError
from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.maintenance.index_repair import missing_clips
from dejabug.records.learned_parameters import scores_in_words
from dejabug.services import ModelServices, Services


def check_model(services: Services) -> str:
    """The model, which is loaded for it. Raises UnwellError."""
    try:
        label = ModelServices(services.settings).encoder.label
        if services.collections.configured.name == services.collections.active_name:
            return label
        return f"{label}; not the one that serves, which is {services.collections.active_name}"
    except EncoderError as error:
        raise UnwellError(
            str(error),
            "Give DEJABUG_CLIP_MODEL a hub name or a local folder that can be loaded, or set "
            "DEJABUG_ENCODER=starter, which needs no hub.",
        ) from error
    except redis.RedisError:
        return "loaded"  # only telling Redis about it failed, which is a finding of its own


def check_index(services: Services) -> str:
    """The index that serves. Raises UnwellError."""
    try:
        state = services.collections.active.index.state()
    except (IndexUnavailableError, redis.RedisError) as error:
        raise UnwellError(
            f"none for {services.collections.configured.name}: {error}",
            "Start a worker; it makes the index when it starts.",
        ) from error
    if state.failures:
        raise UnwellError(
            f"{state.failures} frames could not be indexed",
            "Another program writes to our keys: give Déjà Bug a Redis database of its own.",
        )
    if missing := missing_clips(services.collections.active):
        raise UnwellError(
            f"it lacks {len(missing):,} of the clips that were put into it",
            "Redis has lost them. The next round of dejabug reconcile has them embedded again, "
            "and dejabug index repair does at once; dejabug import restores them from a backup.",
        )
    ready = "ready" if state.ready else "being built"
    return f"{state.name}, {state.algorithm}, {state.frames:,} frames, {ready}"


def check_scores(services: Services) -> str:
    """What scores rest on. Raises UnwellError."""
    try:
        told = scores_in_words(services.redis, services.collections.active_name)
        waiting = 0
        if services.collections.active.knows_dimensions():
            waiting = services.collections.active.index.neighbours.waiting_count()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    if waiting:
        told += f"; {waiting:,} clips wait to be compared with their projects"
    return told

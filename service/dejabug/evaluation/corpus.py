"""A labelled data set, run through the real pipeline (sample, embed, write) into a fresh index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from dejabug import media
from dejabug.encoders import Encoder, EncoderError
from dejabug.evaluation.manifest import Entry, read_manifest
from dejabug.index import ClipLocation
from dejabug.infra.redis_server import RedisServer
from dejabug.ingest.clip_indexer import sample_for, signature_of
from dejabug.records.issue_fields import words_of
from dejabug.retrieval.neighbourhood import compare_clip, compare_ticket
from dejabug.services import ModelServices, Services
from dejabug.settings import Settings

# Called after each clip with how many are done and how many there are.
Progress = Callable[[int, int], None]


def unseen(_done: int, _total: int) -> None:
    """No progress bar."""


@dataclass(frozen=True)
class Item:
    """A clip of a data set or of a studio, with its labels.

    `clip_id` and `issue_id` are its ids in the index; `group` is None for a clip without a label of
    duplicates. `related` is shared by groups that show the same kind of bug elsewhere. `project` is
    the backlog that its ticket belongs to; `still`: a screenshot. `attached` is when it was
    attached to its ticket, in Unix seconds, 0 if unknown; None in a data set, which has no dates.
    """

    clip_id: str
    issue_id: str
    name: str
    game: str
    bug_type: str | None
    group: str | None
    summary: str
    project: str = ""
    related: str | None = None
    still: bool = False
    attached: float | None = None


@dataclass(frozen=True)
class Corpus:
    """Labelled clips in an index. `failed`: files that could not be used, and why."""

    services: Services
    projects: tuple[str, ...]
    items: tuple[Item, ...]
    failed: dict[str, str]

    @property
    def encoder(self) -> Encoder:
        """The model. Raises EncoderError if this process has none."""
        if not isinstance(self.services, ModelServices):
            raise EncoderError("this process has not loaded a model, so it cannot embed words")
        return self.services.encoder

    def queries(self) -> list[Item]:
        """The clips whose group has a clip of another issue."""
        return [item for item in self.items if self.relevant(item)]

    def relevant(self, query: Item) -> list[Item]:
        """The other issues' clips of a query's group."""
        members = self._groups.get(query.group, []) if query.group is not None else []
        return [item for item in members if item.issue_id != query.issue_id]

    @cached_property
    def _groups(self) -> dict[str, list[Item]]:
        members: dict[str, list[Item]] = {}
        for item in self.items:
            if item.group is not None:
                members.setdefault(item.group, []).append(item)
        return members


@contextmanager
def indexed(
    manifest: Path,
    settings: Settings,
    *,
    encoder: Encoder | None = None,
    progress: Progress = unseen,
) -> Iterator[Corpus]:
    """Run a data set through the pipeline into the index of a separate Redis, removed at the end.

    The service's Redis is not touched. Each game is a project, unless the manifest names projects,
    and all are searched together, like a backlog. `encoder`: one that is already loaded. Raises
    ManifestError. Clips that cannot be read are listed in `failed`, and count as never found.
    """
    entries = read_manifest(manifest)
    folder = manifest if manifest.is_dir() else manifest.parent
    with TemporaryDirectory(prefix="dejabug-eval-") as scratch, RedisServer(Path(scratch)) as store:
        stores = {"redis_url": store.url, "index_redis_url": "", "media_store": ""}
        own = {**stores, "data_dir": Path(scratch) / "data"}
        services = ModelServices(settings.model_copy(update=own), loaded=encoder)
        yield _fill(services, folder, entries, progress)


def _fill(
    services: ModelServices, folder: Path, entries: Sequence[Entry], progress: Progress
) -> Corpus:
    names = sorted({entry.project or entry.game for entry in entries})
    projects = {name: f"G{number}" for number, name in enumerate(names)}
    items, failed = [], {}
    for number, (entry, frames) in enumerate(_sampled(services, folder, entries), start=1):
        name = str(number)
        project = entry.project or entry.game
        where = ClipLocation(name, projects[project], entry.game)
        still = False
        if isinstance(frames, media.ClipError):
            failed[entry.file] = str(frames)
        else:
            still = len(frames.times) == 1 and frames.duration == 0
            vectors = services.encoder.embed_images(frames.pixels)
            services.collections.active.index.write_clip(
                name, where, frames.times, vectors, signature_of(frames)
            )
            compare_clip(services.collections.active, name)
            services.media.thumbnails.write(name, frames.times.tolist(), frames.pixels)
        words = words_of(entry.summary, entry.description)
        if words:
            (vector,) = services.encoder.embed_texts([words])
            services.collections.active.tickets.write(name, where.project, vector, words)
            compare_ticket(services.collections.active, name)
        items.append(
            Item(
                name,
                name,
                entry.file,
                entry.game,
                entry.bug_type,
                entry.group,
                entry.summary,
                project,
                entry.related,
                still,
            )
        )
        progress(number, len(entries))
    return Corpus(services, tuple(projects.values()), tuple(items), failed)


def _sampled(
    services: ModelServices, folder: Path, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, media.Frames | media.ClipError]]:
    """Decode in child processes on every core, a few clips ahead of the encoder."""

    size = services.encoder.image_size

    def read(entry: Entry) -> media.Frames | media.ClipError:
        try:
            return sample_for(services.settings, folder / entry.file, size)
        except media.ClipError as error:
            return error

    ahead = os.cpu_count() or 1
    with ThreadPoolExecutor(ahead) as pool:
        for start in range(0, len(entries), 4 * ahead):
            batch = entries[start : start + 4 * ahead]
            yield from zip(batch, pool.map(read, batch), strict=True)

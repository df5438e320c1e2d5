"""The parts of one process, made from the settings when first used: what jobs, commands and pages
work with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import redis
import structlog
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from dejabug.access.callers import (
    ACCOUNT_READER,
    PUBLIC_READER,
    TOKEN_READER,
    AccountReaders,
    Known,
    PublicReaders,
    TokenReaders,
)
from dejabug.access.jira_users import JiraUsers
from dejabug.access.sessions import Sessions
from dejabug.access.tokens import Tokens
from dejabug.access.visibility import Readers, Sight
from dejabug.encoders import (
    Encoder,
    EncoderError,
    Floats,
    encoder_name,
    load_encoder,
    origins_of,
    patch_origin,
)
from dejabug.encoders.scale import scale_of
from dejabug.encoders.tags import Tagger, load_labels
from dejabug.index import FrameIndex, TicketIndex, text_of
from dejabug.infra.job_queue import ReliableQueue
from dejabug.infra.refused_writes import PrimaryPool
from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.media_store.archives import PicturePacks
from dejabug.media_store.objects import ObjectStore
from dejabug.media_store.preview_objects import PreviewObjects
from dejabug.media_store.previews import Previews, PreviewStore
from dejabug.media_store.thumbnails import Pictures, PictureStore
from dejabug.media_store.upload_files import UploadFiles, UploadFolder, UploadObjects
from dejabug.ranking import Calibrations, Recipe, Scale
from dejabug.records.active_encoder import Serving
from dejabug.records.catalogue import Catalogue
from dejabug.records.collection import LABELS, ORIGINS, Collection, known_encoders
from dejabug.records.comments import CommentStore
from dejabug.records.index_location import DIMENSIONS, IndexLocation
from dejabug.records.learned_parameters import LearnedParameters, read_learned
from dejabug.records.outbox import Outbox
from dejabug.records.projects import Projects
from dejabug.records.retention import Retention
from dejabug.records.throughput import Throughput
from dejabug.records.verdicts import Verdicts
from dejabug.retrieval.retriever import Retriever
from dejabug.settings import Settings, get_settings

log = structlog.get_logger()

# Queues by who waits: nobody (default), a ticket (clips), a person (search, and previews when they
# look at the panel).
QUEUES = ("default", "clips", "search", "previews")
# Those whose jobs need the model; a worker on others starts without it.
EMBEDDING_QUEUES = ("clips", "search")
# Where our own account's id is kept, for webhooks, which do not call Jira.
ACCOUNT = "dejabug:account"


@dataclass(frozen=True)
class Services:
    """Lazily opened: a process pays only for what it uses (the model takes seconds)."""

    settings: Settings
    # The encoder whose collection counts here, whichever serves: for measuring one.
    pinned: str | None = None

    @cached_property
    def redis(self) -> redis.Redis:
        """The connection that everything but vectors and RQ's blocking reads shares."""
        return connect(self.settings)

    @cached_property
    def index_location(self) -> IndexLocation:
        """Where the vectors are."""
        return IndexLocation(self.redis, connect_index(self.settings) or self.redis)

    @cached_property
    def encoder(self) -> Encoder:
        """The settings' model, loaded at first use; records the length of its vectors for processes
        without it."""
        encoder = load_encoder(self.settings)
        self.adopt_encoder(encoder)
        log.info("encoder_loaded", encoder=encoder.name, label=encoder.label)
        return encoder

    def adopt_encoder(self, encoder: Encoder) -> None:
        """Take a model that is loaded already, and tell processes without it of its vectors.

        Raises EncoderError when another model went by the same name.
        """
        self.redis.hsetnx(DIMENSIONS, encoder.name, str(encoder.dimensions))
        known = int(self.redis.hget(DIMENSIONS, encoder.name) or 0)
        if known != encoder.dimensions:
            raise EncoderError(
                f"the vectors of {encoder.name} had {known} numbers, and this model gives "
                f"{encoder.dimensions}: another model goes by the same name. Give its folder "
                f"another name, or forget the old vectors: dejabug encoder forget '{encoder.name}'"
            )
        self.redis.hset(LABELS, encoder.name, encoder.label)
        if not self.redis.hexists(ORIGINS, encoder.name):
            both = np.concatenate(origins_of(encoder))
            self.redis.hset(ORIGINS, encoder.name, both.astype(np.float32).tobytes())
        self.__dict__["encoder"] = encoder

    def tell_of_encoder(self, name: str, dimensions: int, label: str) -> None:
        """Note an encoder's vectors' length, and its label for people, for all processes."""
        self.redis.hset(DIMENSIONS, name, dimensions)
        self.redis.hset(LABELS, name, label)

    def dimensions(self) -> dict[str, int]:
        """The lengths of vectors of all encoders that a worker has ever loaded here, by name."""
        found = self.redis.hgetall(DIMENSIONS)
        return {text_of(name): int(length) for name, length in found.items()}

    # What is kept under encoders

    @cached_property
    def serving(self) -> Serving:
        """Which encoder serves."""
        return Serving(self.redis, encoder_name(self.settings))

    @property
    def encoder_name(self) -> str:
        """The name of the encoder that serves."""
        return self.pinned or self.serving.roles().serving

    def measured(self) -> Services:
        """Rooms in which the settings' encoder counts, whichever serves: to measure and to teach it
        before it does."""
        name = self.own.name
        return self if name == self.encoder_name else replace(self, pinned=name)

    def serves(self, kept: Collection) -> bool:
        """Whether this collection answers, as of this moment."""
        return kept.name == self.serving.roles(now=True).serving

    @property
    def collection(self) -> Collection:
        """What answers are made of: the collection of the encoder that serves."""
        return self.collection_of(self.encoder_name)

    @property
    def own(self) -> Collection:
        """The collection of the settings' encoder, whichever serves: what its model works for."""
        return self.collection_of(encoder_name(self.settings))

    @property
    def fed(self) -> list[Collection]:
        """What new tickets go into: the collection that serves, then the one made ready, if any."""
        roles = self.serving.roles()
        return [self.collection_of(name) for name in (roles.serving, roles.next) if name]

    def collections(self) -> list[Collection]:
        """Every collection there is, those that are fed first."""
        fed = [kept.name for kept in self.fed]
        return [
            self.collection_of(name) for name in dict.fromkeys([*fed, *known_encoders(self.redis)])
        ]

    def indexed(self) -> list[Collection]:
        """Every collection that has indexes, since a worker has told how long its vectors are."""
        return [kept for kept in self.collections() if kept.knows_dimensions()]

    def collection_of(self, name: str) -> Collection:
        """The collection of an encoder, by its name."""
        kept = self._collections.get(name)
        if kept is None:
            kept = Collection(self.redis, self.index_location, name, self.settings.index_algorithm)
            self._collections[name] = kept
        return kept

    @cached_property
    def _collections(self) -> dict[str, Collection]:
        return {}

    @property
    def index(self) -> FrameIndex:
        """The frames of the collection that serves. Raises IndexUnavailableError."""
        return self.collection.index

    @property
    def tickets(self) -> TicketIndex:
        """The tickets' words in the collection that serves. Raises IndexUnavailableError."""
        return self.collection.tickets

    @property
    def catalogue(self) -> Catalogue:
        """Records of issues, and of clips in the collection that serves."""
        return self.collection.catalogue

    @property
    def throughput(self) -> Throughput:
        """How fast clips are embedded in the collection that serves."""
        return self.collection.throughput

    def encoder_label(self) -> str:
        """Model, precision and device of what serves, for people."""
        return self.collection.label()

    @cached_property
    def scale(self) -> Scale:
        """How to read the cosines of this process's model."""
        return scale_of(self.encoder)

    @cached_property
    def patch_origin(self) -> Floats:
        """Where patches of pictures are seen from with this process's model, float32 [d]; measured
        at first use. Raises EncoderError for a model that does not tell of patches."""
        return patch_origin(self.encoder)

    @cached_property
    def tagger(self) -> Tagger | None:
        """What tells kinds of bugs; None where tags are not wanted. Needs the model. Raises
        LabelError."""
        if not self.settings.tags_wanted:
            return None
        return Tagger(self.encoder.embed_texts, load_labels(self.settings.bug_labels))

    @cached_property
    def verdicts(self) -> Verdicts:
        """What people said of pairs of issues."""
        return Verdicts(self.redis)

    @property
    def calibrations(self) -> Calibrations:
        """What scores are made by now, in the collection that serves."""
        return read_learned(self.redis, self.collection.name).in_force()

    @property
    def retriever(self) -> Retriever:
        """Ranking over what serves, with what the studio's verdicts have taught up to now."""
        return self.finder_of(self.collection)

    def finder_of(self, kept: Collection) -> Retriever:
        """Ranking over a collection, with what was learned for it."""
        return self._finder(kept, read_learned(self.redis, kept.name))

    def finder_with(self, lessons: LearnedParameters, recipe: Recipe | None = None) -> Retriever:
        """Ranking with other lessons, or another recipe, than the service's: to compare them."""
        return self._finder(self.collection, lessons, recipe)

    def _finder(
        self, kept: Collection, lessons: LearnedParameters, recipe: Recipe | None = None
    ) -> Retriever:
        return Retriever(
            kept.index,
            kept.tickets,
            kept.origins(),
            candidate_frames=self.settings.candidate_frames,
            candidate_clips=self.settings.candidate_clips,
            calibrations=lessons.in_force(),
            recipe=recipe,
        )

    @cached_property
    def comments(self) -> CommentStore:
        """What we said on issues, and were told there."""
        return CommentStore(self.redis)

    @cached_property
    def outbox(self) -> Outbox:
        """Issues that were promised to be looked at."""
        return Outbox(self.redis)

    @cached_property
    def retention(self) -> Retention:
        """How long footage is kept."""
        return Retention(self.redis, self.settings.retention_days)

    @cached_property
    def projects(self) -> Projects:
        """How to behave in each project."""
        return Projects(self.redis)

    @cached_property
    def readers(self) -> Readers:
        """What the viewers of the panel may see."""
        settings = self.settings
        secret = settings.media_secret.get_secret_value()
        return Readers(self.redis, settings.forge_api_url, settings.jira_url, secret)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the API."""
        return Tokens(self.redis)

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of the pages."""
        return Sessions(self.redis)

    def sight(self, reader: str) -> Sight:
        """Who can tell what this reader may see: the one place that knows the kinds of readers.

        A viewer's name is their account's id in Jira, which never begins as the others' do.
        """
        if not reader.startswith((TOKEN_READER, PUBLIC_READER, ACCOUNT_READER)):
            return self.readers
        known = Known(self.readers.sights, self.projects, self.jira)
        if reader.startswith(TOKEN_READER):
            return TokenReaders(self.tokens, known)
        if reader.startswith(PUBLIC_READER):
            return PublicReaders(self.settings.public, known)
        return AccountReaders(known)

    # Pictures, previews and uploads: in a store that all machines reach, else in a shared folder

    @cached_property
    def objects(self) -> ObjectStore | None:
        """The object store, where one is set. Raises ValueError when nothing here speaks to it."""
        address = self.settings.media_store
        return ObjectStore(address, self.redis) if address else None

    @cached_property
    def pictures(self) -> Pictures:
        """Pictures of frames."""
        if self.objects is not None:
            return PicturePacks(self.objects, self.redis)
        return PictureStore(self.settings.data_dir)

    @cached_property
    def previews(self) -> Previews:
        """Small copies of clips for browsers."""
        if self.objects is not None:
            return PreviewObjects(self.objects, self.redis)
        return PreviewStore(self.settings.data_dir)

    @cached_property
    def uploads(self) -> UploadFiles:
        """Files of clips that somebody searches with."""
        if self.objects is not None:
            return UploadObjects(self.objects)
        return UploadFolder(self.settings.data_dir)

    @cached_property
    def jira(self) -> JiraClient:
        """Jira's REST API, as our own account."""
        settings = self.settings
        return JiraClient(
            JiraAccess(
                api_url=settings.api_url,
                browse_url=settings.jira_url,
                user=settings.jira_user,
                token=settings.jira_token.get_secret_value(),
            )
        )

    @property
    def accounts(self) -> Accounts:
        """Other people's accounts in Jira."""
        return Accounts(self.jira)

    @property
    def jira_users(self) -> JiraUsers:
        """Who people with an e-mail are in Jira."""
        return JiraUsers(
            self.redis,
            self.accounts,
            projects=lambda: self.catalogue.projects(),
            public=self.settings.public,
            sight=self.sight,
        )

    def queue(self, name: str) -> Queue:
        """One of QUEUES, or a collection's own. Jobs are JSON, so that writing to Redis does not
        mean running code."""
        return ReliableQueue(name, connection=self.redis, serializer=JSONSerializer)

    def clips_queue(self, kept: Collection) -> Queue:
        """Where a collection's clips and tickets wait to be embedded."""
        serves = kept.name == self.serving.roles().serving
        return self.queue("clips" if serves else kept.own_queue("clips"))

    def workers(self) -> dict[str, int]:
        """How many live workers there are on each of QUEUES that this installation has work for."""
        idle = set() if self.shows_media else {"previews"}
        return self._workers_on([name for name in QUEUES if name not in idle])

    def workers_of(self, kept: Collection) -> dict[str, int]:
        """How many live workers have this collection's model, on each of EMBEDDING_QUEUES."""
        found = self._workers_on([kept.own_queue(name) for name in EMBEDDING_QUEUES])
        return dict(zip(EMBEDDING_QUEUES, found.values(), strict=True))

    def _workers_on(self, names: list[str]) -> dict[str, int]:
        served = [
            name for worker in Worker.all(connection=self.redis) for name in worker.queue_names()
        ]
        return {name: served.count(name) for name in names}

    @property
    def shows_media(self) -> bool:
        """Whether anybody can be shown pictures and clips: only by addresses that can be signed."""
        return bool(self.settings.media_secret.get_secret_value())


def connect(settings: Settings) -> redis.Redis:
    """A connection to Redis. Raises ValueError for an address that is none."""
    return _connected(settings.redis_url, "DEJABUG_REDIS_URL")


def connect_index(settings: Settings) -> redis.Redis | None:
    """A connection to the Redis that is for vectors alone, where one is set. Raises ValueError."""
    if not settings.vectors_apart:
        return None
    return _connected(settings.index_redis_url, "DEJABUG_INDEX_REDIS_URL")


def _connected(url: str, variable: str) -> redis.Redis:
    """RESP3, in which search answers carry their warnings; finds the primary again after a
    failover. An address that is none is not repeated, since it may hold a password."""
    try:
        pool = PrimaryPool.from_url(
            url, protocol=3, health_check_interval=30, socket_connect_timeout=5
        )
        return redis.Redis.from_pool(pool)
    except ValueError:
        raise ValueError(
            f"{variable} is no address of Redis: want redis://user:password@host:6379/0 or "
            "rediss://… for TLS, with signs like / and @ of a password percent-encoded"
        ) from None


@lru_cache(maxsize=1)
def services() -> Services:
    """This process's parts."""
    return Services(get_settings())

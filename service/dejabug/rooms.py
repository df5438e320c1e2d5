"""The rooms of one process, furnished from the settings: what jobs, commands, pages work with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import redis
import structlog
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from dejabug.callers import (
    ACCOUNT_READER,
    PUBLIC_READER,
    TOKEN_READER,
    AccountReaders,
    Known,
    PublicReaders,
    TokenReaders,
)
from dejabug.catalogue import Catalogue
from dejabug.encoders import Encoder, encoder_name, load_encoder
from dejabug.finder import Finder
from dejabug.index import FrameIndex, IndexUnavailableError, TicketIndex, text_of
from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.ledger import Ledger
from dejabug.lessons import Lessons, read_lessons
from dejabug.pace import Pace
from dejabug.pictures import PictureStore
from dejabug.previews import PreviewStore
from dejabug.projects import Projects
from dejabug.queueing import KeptQueue
from dejabug.ranking import Recipe
from dejabug.readers import Readers, Sight
from dejabug.retention import Retention
from dejabug.sessions import Sessions
from dejabug.settings import Settings, get_settings
from dejabug.tags import Tagger, load_labels
from dejabug.tokens import Tokens
from dejabug.verdicts import Verdicts

log = structlog.get_logger()

# Queues by who waits: nobody (default), a ticket (clips), a person (search, and previews when they
# look at the panel).
QUEUES = ("default", "clips", "search", "previews")
# Where our own account's id is kept, for webhooks, which do not call Jira.
ACCOUNT = "dejabug:account"


@dataclass(frozen=True)
class Rooms:
    """Lazily opened: a process pays only for what it uses (the model takes seconds)."""

    settings: Settings

    @property
    def encoder_name(self) -> str:
        """The name of the configured encoder's vectors."""
        return encoder_name(self.settings)

    @cached_property
    def redis(self) -> redis.Redis:
        """The connection that everything but RQ's blocking reads shares."""
        return connect(self.settings)

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded at first use; records the length of its vectors for processes
        without it."""
        encoder = load_encoder(self.settings)
        self.adopt_encoder(encoder)
        log.info("encoder_loaded", encoder=encoder.name, label=encoder.label)
        return encoder

    def adopt_encoder(self, encoder: Encoder) -> None:
        """Take a model that is loaded already, and tell processes without it of its vectors."""
        self.__dict__["encoder"] = encoder
        self.tell_of_encoder(encoder.name, encoder.dimensions, encoder.label)

    def tell_of_encoder(self, name: str, dimensions: int, label: str) -> None:
        """Note an encoder's vectors' length, and its label for people, for all processes."""
        self.redis.hset("dejabug:dimensions", name, dimensions)
        self.redis.hset("dejabug:labels", name, label)

    def dimensions(self) -> dict[str, int]:
        """The lengths of vectors of all encoders that a worker has ever loaded here, by name."""
        found = self.redis.hgetall("dejabug:dimensions")
        return {text_of(name): int(length) for name, length in found.items()}

    @cached_property
    def index(self) -> FrameIndex:
        """The configured encoder's index. Raises IndexUnavailableError until a worker with the
        model has told how long its vectors are."""
        name, algorithm = self.encoder_name, self.settings.index_algorithm
        return FrameIndex(self.redis, name, self._dimensions(), algorithm=algorithm)

    @cached_property
    def tickets(self) -> TicketIndex:
        """The tickets' words under the configured encoder. Raises like `index`."""
        return TicketIndex(self.redis, self.encoder_name, self._dimensions())

    @cached_property
    def tagger(self) -> Tagger | None:
        """What tells kinds of bugs; None where tags are not wanted. Needs the model. Raises
        LabelError."""
        if not self.settings.tags_wanted:
            return None
        return Tagger(self.encoder.embed_texts, load_labels(self.settings.bug_labels))

    @cached_property
    def pace(self) -> Pace:
        """How fast clips are embedded here."""
        return Pace(self.redis, self.encoder_name)

    @cached_property
    def verdicts(self) -> Verdicts:
        """What people said of pairs of issues."""
        return Verdicts(self.redis)

    @property
    def finder(self) -> Finder:
        """Ranking over the indexes, with what the studio's verdicts have taught up to now."""
        return self.finder_with(read_lessons(self.redis, self.encoder_name))

    def finder_with(self, lessons: Lessons, recipe: Recipe | None = None) -> Finder:
        """Ranking with other lessons, or another recipe, than the service's: to compare them."""
        return Finder(
            self.index,
            self.tickets,
            candidate_frames=self.settings.candidate_frames,
            candidate_clips=self.settings.candidate_clips,
            calibrations=lessons.calibrations,
            projection=lessons.projection,
            recipe=recipe,
        )

    def knows_dimensions(self) -> bool:
        """Whether a worker has told how long the vectors are, so that there are indexes."""
        return bool(self.redis.hexists("dejabug:dimensions", self.encoder_name))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Records of issues and clips."""
        return Catalogue(self.redis, self.encoder_name)

    @cached_property
    def ledger(self) -> Ledger:
        """What we said on issues, and were told there."""
        return Ledger(self.redis)

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

    @cached_property
    def pictures(self) -> PictureStore:
        """Pictures of frames."""
        return PictureStore(self.settings.data_dir)

    @cached_property
    def previews(self) -> PreviewStore:
        """Small copies of clips for browsers."""
        return PreviewStore(self.settings.data_dir)

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

    def queue(self, name: str) -> Queue:
        """One of QUEUES. Jobs are JSON, so that writing to Redis does not mean running code."""
        return KeptQueue(name, connection=self.redis, serializer=JSONSerializer)

    def workers(self) -> dict[str, int]:
        """How many live workers there are on each of QUEUES that this installation has work for."""
        served = [
            name for worker in Worker.all(connection=self.redis) for name in worker.queue_names()
        ]
        idle = set() if self.shows_media else {"previews"}
        return {name: served.count(name) for name in QUEUES if name not in idle}

    @property
    def shows_media(self) -> bool:
        """Whether anybody can be shown pictures and clips: only by addresses that can be signed."""
        return bool(self.settings.media_secret.get_secret_value())

    def _dimensions(self) -> int:
        name = self.encoder_name
        dimensions = self.redis.hget("dejabug:dimensions", name)
        if dimensions is None:
            raise IndexUnavailableError(
                f"no worker has loaded the encoder {name} yet; start one with: dejabug worker clips"
            )
        return int(dimensions)

    def encoder_label(self, name: str = "") -> str:
        """Model, precision and device in use, for people, as the worker that embeds told it; of
        the configured encoder, or of another one."""
        label = self.redis.hget("dejabug:labels", name or self.encoder_name)
        return label.decode() if isinstance(label, bytes) else "no encoder loaded yet"


def connect(settings: Settings) -> redis.Redis:
    """A connection to Redis; RESP3, in which search answers carry their warnings.

    Raises ValueError for an address that is none; it is not repeated, since it may hold a password.
    """
    try:
        return redis.Redis.from_url(
            settings.redis_url, protocol=3, health_check_interval=30, socket_connect_timeout=5
        )
    except ValueError:
        raise ValueError(
            "DEJABUG_REDIS_URL is no address of Redis: want redis://user:password@host:6379/0 or "
            "rediss://… for TLS, with signs like / and @ of a password percent-encoded"
        ) from None


@lru_cache(maxsize=1)
def rooms() -> Rooms:
    """This process's rooms."""
    return Rooms(get_settings())

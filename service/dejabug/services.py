"""The composition root: builds the parts of a process from its settings, each when first used.

Nothing else builds them. `Services` is for processes without a model, such as the web's;
`ModelServices` has one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import redis
import structlog

from dejabug.access.jira_as_viewer import JiraAsViewer
from dejabug.access.jira_users import JiraUsers
from dejabug.access.sessions import Sessions
from dejabug.access.tokens import Tokens
from dejabug.access.visibility import Visibility
from dejabug.access.visibility_cache import VisibilityCache
from dejabug.encoders import Encoder, encoder_name, load_encoder
from dejabug.encoders.scale import scale_of
from dejabug.encoders.tags import Tagger, load_labels
from dejabug.infra.connections import connect, connect_index
from dejabug.ingest.attachments import Attachments
from dejabug.ingest.backfill import Backfill
from dejabug.ingest.backfill_estimate import BackfillEstimate
from dejabug.ingest.clip_indexer import ClipIndexer
from dejabug.ingest.deletion import Deletion
from dejabug.ingest.indexing import Indexing
from dejabug.ingest.issue_sync import IssueSync
from dejabug.ingest.previews import PreviewMaker
from dejabug.ingest.reconcile import Reconciler
from dejabug.ingest.scheduling import Scheduler
from dejabug.ingest.ticket_indexer import TicketIndexer
from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.maintenance.backup.exporting import BackupWriter
from dejabug.maintenance.backup.importing import BackupReader
from dejabug.maintenance.encoder_change import EncoderChange
from dejabug.maintenance.index_move import IndexMove
from dejabug.maintenance.index_repair import IndexRepair
from dejabug.maintenance.jira_outage import JiraOutage
from dejabug.maintenance.media_copy import MediaCopy
from dejabug.maintenance.purge import FootagePurge
from dejabug.maintenance.signature_backfill import SignatureBackfill
from dejabug.maintenance.upkeep import Upkeep
from dejabug.media_store.store import MediaStore
from dejabug.ranking import Scale
from dejabug.records.collections import Collections
from dejabug.records.comments import CommentStore
from dejabug.records.index_location import IndexLocation
from dejabug.records.issue_records import IssueRecords
from dejabug.records.outbox import Outbox
from dejabug.records.projects import Projects
from dejabug.records.retention import Retention
from dejabug.records.verdicts import Verdicts
from dejabug.records.work_queues import WorkQueues
from dejabug.retrieval.heat_maps import HeatMaps
from dejabug.retrieval.ranking_cache import RankingCache
from dejabug.retrieval.results import Results
from dejabug.retrieval.retrievers import Retrievers
from dejabug.retrieval.similar_issues import SimilarIssues
from dejabug.search.answerer import READ, Answerer, TextSearch
from dejabug.search.disclosure import Disclosure
from dejabug.search.questions import Questions
from dejabug.search.search import Search
from dejabug.search.upload_comparison import UploadComparison
from dejabug.search.uploads import ClipUploads
from dejabug.settings import Settings, get_settings
from dejabug.suggestions.comment_commands import CommentCommands
from dejabug.suggestions.comment_events import CommentEvents
from dejabug.suggestions.comment_policy import CommentPolicy
from dejabug.suggestions.comment_publisher import CommentPublisher
from dejabug.suggestions.comment_renderer import CommentRenderer

log = structlog.get_logger()


@dataclass(frozen=True, eq=False)
class Services:
    """The parts of a process without a model.

    `pinned` is the encoder whose collection counts here, whichever is active: for measuring one.
    `connections` are to the queues' Redis and the vectors', where the settings' do not fit.
    """

    settings: Settings
    pinned: str | None = None
    connections: tuple[redis.Redis, redis.Redis] | None = None

    @cached_property
    def redis(self) -> redis.Redis:
        """The connection that everything but vectors and RQ's blocking reads shares."""
        return self.connections[0] if self.connections else connect(self.settings)

    def measured(self) -> Services:
        """Services in which the settings' encoder counts, active or not: to measure it, and to
        learn for it before it answers."""
        name = self.collections.configured.name
        return self if name == self.collections.active_name else replace(self, pinned=name)

    # What is stored

    @cached_property
    def collections(self) -> Collections:
        """What is kept under encoders."""
        if self.connections:
            index = self.connections[1]
        else:
            index = connect_index(self.settings) or self.redis
        location = IndexLocation(self.redis, index)
        algorithm = self.settings.index_algorithm
        return Collections(
            self.redis, location, algorithm, encoder_name(self.settings), self.pinned
        )

    @cached_property
    def records(self) -> IssueRecords:
        """What is kept of issues whatever the encoder."""
        return IssueRecords(
            CommentStore(self.redis),
            Verdicts(self.redis),
            Projects(self.redis),
            Retention(self.redis, self.settings.retention_days),
        )

    @cached_property
    def outbox(self) -> Outbox:
        """Issues that were promised to be looked at."""
        return Outbox(self.redis)

    @cached_property
    def media(self) -> MediaStore:
        """Thumbnails, previews and uploads."""
        return MediaStore(self.redis, self.settings.media_store, self.settings.data_dir)

    @cached_property
    def queues(self) -> WorkQueues:
        """Queues of jobs."""
        return WorkQueues(self.redis, self.collections, shows_media=self.settings.shows_media)

    # Jira, and who may see what

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

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the API."""
        return Tokens(self.redis)

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of the pages."""
        return Sessions(self.redis)

    @cached_property
    def visibility_cache(self) -> VisibilityCache:
        """What Jira said within a minute of who may see what."""
        return VisibilityCache(self.redis)

    @cached_property
    def jira_as_viewer(self) -> JiraAsViewer:
        """Jira, asked as viewers of the panel."""
        settings = self.settings
        secret = settings.media_secret.get_secret_value()
        return JiraAsViewer(
            self.redis, self.visibility_cache, settings.forge_api_url, settings.jira_url, secret
        )

    @cached_property
    def visibility(self) -> Visibility:
        """What principals may see."""
        return Visibility(
            self.visibility_cache,
            self.jira_as_viewer,
            self.tokens,
            self.records.projects,
            self.jira,
            self.settings.public,
        )

    @cached_property
    def jira_users(self) -> JiraUsers:
        """Who people with an e-mail are in Jira."""
        return JiraUsers(
            self.redis,
            Accounts(self.jira),
            projects=lambda: self.collections.active.catalogue.projects(),
            public=self.settings.public,
        )

    # Retrieval, suggestions, search

    @cached_property
    def retrievers(self) -> Retrievers:
        """Rankings over collections."""
        return Retrievers(
            self.collections,
            candidate_frames=self.settings.candidate_frames,
            candidate_clips=self.settings.candidate_clips,
        )

    @cached_property
    def rankings(self) -> RankingCache:
        """Rankings of the last minute."""
        return RankingCache(self.redis, self.collections)

    @cached_property
    def similar_issues(self) -> SimilarIssues:
        """Issues whose clips and words are most like those of an issue."""
        return SimilarIssues(
            self.jira, self.collections, self.retrievers, self.records, self.rankings, self.settings
        )

    @cached_property
    def results(self) -> Results:
        """What callers are told of what was found."""
        return Results(self.collections, self.media, self.settings)

    @cached_property
    def comment_policy(self) -> CommentPolicy:
        """What a comment names, and when there is none."""
        return CommentPolicy(self.similar_issues, self.records, self.settings)

    @cached_property
    def comment_commands(self) -> CommentCommands:
        """What people tell us in comments."""
        return CommentCommands(
            self.jira,
            self.collections,
            self.records,
            self.comment_policy,
            self.similar_issues,
            self.settings,
        )

    @cached_property
    def comment_renderer(self) -> CommentRenderer:
        """What comments say and show."""
        return CommentRenderer(
            self.collections,
            self.media,
            self.results,
            self.records.verdicts,
            self.settings,
        )

    @cached_property
    def comment_publisher(self) -> CommentPublisher:
        """Issues' comments."""
        return CommentPublisher(
            self.jira,
            self.collections,
            self.records,
            self.comment_commands,
            self.comment_policy,
            self.comment_renderer,
            self.settings,
        )

    @cached_property
    def disclosure(self) -> Disclosure:
        """What callers may be told of what was found."""
        return Disclosure(self.jira, self.collections, self.records, self.visibility, self.settings)

    @cached_property
    def search(self) -> Search:
        """Searches by words, by a clip, by an issue."""
        return Search(
            self.redis,
            self.collections,
            self.questions,
            self.results,
            self.similar_issues,
            self.disclosure,
            self.settings.candidate_clips,
        )

    @cached_property
    def questions(self) -> Questions:
        """What workers with the model are asked."""
        return Questions(self.redis, self.collections)

    @cached_property
    def clip_uploads(self) -> ClipUploads:
        """Clips that are searched with."""
        return ClipUploads(self.redis, self.collections, self.media, self.queues)

    # From Jira to the index

    @cached_property
    def scheduler(self) -> Scheduler:
        """What is put on queues."""
        return Scheduler(self.queues, self.collections, self.records, self.outbox, self.rankings)

    @cached_property
    def deletion(self) -> Deletion:
        """Issues and clips taken out whole."""
        return Deletion(
            self.collections,
            self.media,
            self.records,
            self.visibility_cache,
            self.rankings,
            self.scheduler,
        )

    @cached_property
    def issue_sync(self) -> IssueSync:
        """Issues read in."""
        return IssueSync(
            self.jira,
            self.collections,
            self.records,
            self.visibility_cache,
            self.deletion,
            self.scheduler,
            self.settings.duplicate_link_types,
        )

    @cached_property
    def attachments(self) -> Attachments:
        """Clips' files from Jira."""
        return Attachments(self.jira, self.settings)

    @cached_property
    def preview_maker(self) -> PreviewMaker:
        """Previews of clips."""
        return PreviewMaker(
            self.collections, self.media, self.attachments, self.queues, self.settings
        )

    @cached_property
    def backfill(self) -> Backfill:
        """Reading a backlog in."""
        return Backfill(self.redis, self.jira, self.collections, self.issue_sync, self.queues)

    @cached_property
    def backfill_estimate(self) -> BackfillEstimate:
        """What a backfill would take."""
        return BackfillEstimate(self.jira, self.collections, self.records, self.settings)

    @cached_property
    def reconciler(self) -> Reconciler:
        """What webhooks missed."""
        return Reconciler(
            self.redis, self.jira, self.collections, self.records, self.scheduler, self.settings
        )

    @cached_property
    def comment_events(self) -> CommentEvents:
        """Comments that may speak to us."""
        return CommentEvents(
            self.jira,
            self.collections,
            self.records.comments,
            self.issue_sync,
            self.comment_commands,
            self.scheduler,
        )

    # Maintenance

    @cached_property
    def upkeep(self) -> Upkeep:
        """What a worker does every minute."""
        return Upkeep(
            self.redis,
            self.collections,
            self.outbox,
            self.scheduler,
            self.media,
            self.settings.preview_max_bytes,
        )

    @cached_property
    def footage_purge(self) -> FootagePurge:
        """Old footage, purged."""
        return FootagePurge(
            self.redis,
            self.jira,
            self.collections,
            self.media,
            self.records,
            self.scheduler,
            self.settings,
        )

    @cached_property
    def index_repair(self) -> IndexRepair:
        """Indexes compared with the records."""
        return IndexRepair(self.redis, self.collections, self.scheduler)

    @cached_property
    def index_move(self) -> IndexMove:
        """Vectors taken to a Redis of their own."""
        return IndexMove(self.redis, self.collections)

    @cached_property
    def signature_backfill(self) -> SignatureBackfill:
        """Signatures of clips that lack one."""
        return SignatureBackfill(self.collections, self.attachments, self.queues, self.settings)

    @cached_property
    def jira_outage(self) -> JiraOutage:
        """Jira probed while it is away."""
        return JiraOutage(self.redis, self.jira, self.collections, self.queues)

    @cached_property
    def media_copy(self) -> MediaCopy:
        """Files taken to the object store."""
        folder = MediaStore(self.redis, "", self.settings.data_dir)
        return MediaCopy(self.collections, self.media, folder)

    @cached_property
    def encoder_change(self) -> EncoderChange:
        """The change to another encoder."""
        return EncoderChange(self.redis, self.collections, self.queues, self.scheduler)

    @cached_property
    def backup_writer(self) -> BackupWriter:
        """Backups written."""
        return BackupWriter(self.redis, self.collections, self.records, self.tokens)

    @cached_property
    def backup_reader(self) -> BackupReader:
        """Backups restored."""
        return BackupReader(self.redis, self.collections, self.records, self.tokens)


@dataclass(frozen=True, eq=False)
class ModelServices(Services):
    """The parts of a process with a model: `loaded`, or else the settings'."""

    loaded: Encoder | None = None

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded and noted for processes without it at first use. Raises EncoderError
        where it cannot be loaded, or another model went by the same name."""
        encoder = self.loaded or load_encoder(self.settings)
        self.collections.adopt(encoder)
        log.info("encoder_loaded", encoder=encoder.name, label=encoder.label)
        return encoder

    @cached_property
    def scale(self) -> Scale:
        """How to read the cosines of the model."""
        return scale_of(self.encoder)

    @cached_property
    def tagger(self) -> Tagger | None:
        """What tells kinds of bugs; None where tags are not wanted. Raises LabelError."""
        if not self.settings.tags_wanted:
            return None
        return Tagger(self.encoder.embed_texts, load_labels(self.settings.bug_labels))

    @cached_property
    def clip_indexer(self) -> ClipIndexer:
        """Clips into the index."""
        return ClipIndexer(
            self.redis,
            self.encoder,
            self.collections,
            self.media,
            self.attachments,
            self.settings,
        )

    @cached_property
    def ticket_indexer(self) -> TicketIndexer:
        """Tickets' words into the index."""
        return TicketIndexer(self.encoder, self.tagger)

    @cached_property
    def indexing(self) -> Indexing:
        """What the jobs of embedding do."""
        return Indexing(
            self.collections,
            self.clip_indexer,
            self.ticket_indexer,
            self.deletion,
            self.scheduler,
            self.records.retention,
        )

    @cached_property
    def heat_maps(self) -> HeatMaps:
        """Heat maps over two clips."""
        return HeatMaps(self.encoder, self.collections, self.media)

    @cached_property
    def upload_comparison(self) -> UploadComparison:
        """The comparison of such clips."""
        return UploadComparison(
            self.encoder,
            self.collections,
            self.retrievers,
            self.clip_indexer,
            self.clip_uploads,
            self.similar_issues,
        )

    @cached_property
    def text_search(self) -> TextSearch:
        """Words to clips."""
        return TextSearch(self.encoder, self.scale, self.collections, self.retrievers)

    def answerer(self, *, read: float = READ, draws: bool = True) -> Answerer:
        """A thread that answers questions, with a connection of its own."""
        return Answerer(
            connect(self.settings), self.text_search, self.heat_maps, read=read, draws=draws
        )


class _Process:
    services: Services | None = None


def get_services() -> Services:
    """This process's parts; those with the model where it has one."""
    if _Process.services is None:
        _Process.services = Services(get_settings())
    return _Process.services


def get_model_services() -> ModelServices:
    """This process's parts, from now on with a model."""
    if not isinstance(_Process.services, ModelServices):
        _Process.services = ModelServices(get_settings())
    return _Process.services


def set_services(parts: Services | None) -> None:
    """Have this process go by these parts; None: by those of its settings, as they are then."""
    _Process.services = parts

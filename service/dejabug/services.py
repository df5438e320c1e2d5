"""The composition root: creates a process's services from its settings, each when first used.

They are created only here. `Services` is for processes without a model, such as the web service;
`ModelServices` is for processes with one.
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
    """The services of a process without a model.

    `pinned`: treat this encoder as the active one, to measure it. `connections`: the Redis of the
    queues and the Redis of the vectors, if not those of the settings.
    """

    settings: Settings
    pinned: str | None = None
    connections: tuple[redis.Redis, redis.Redis] | None = None

    @cached_property
    def redis(self) -> redis.Redis:
        """The connection that everything shares, except vectors and RQ's blocking reads."""
        return self.connections[0] if self.connections else connect(self.settings)

    def measured(self) -> Services:
        """Services that treat the settings' encoder as the active one, to measure it and to learn
        for it before it is in use."""
        name = self.collections.configured.name
        return self if name == self.collections.active_name else replace(self, pinned=name)

    # Storage

    @cached_property
    def collections(self) -> Collections:
        """The data of each encoder."""
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
        """Records about issues that don't depend on the encoder."""
        return IssueRecords(
            CommentStore(self.redis),
            Verdicts(self.redis),
            Projects(self.redis),
            Retention(self.redis, self.settings.retention_days),
        )

    @cached_property
    def outbox(self) -> Outbox:
        """Issues that must be read."""
        return Outbox(self.redis)

    @cached_property
    def media(self) -> MediaStore:
        """Thumbnails, previews and uploads."""
        return MediaStore(self.redis, self.settings.media_store, self.settings.data_dir)

    @cached_property
    def queues(self) -> WorkQueues:
        """The job queues."""
        return WorkQueues(self.redis, self.collections, shows_media=self.settings.shows_media)

    # Jira and access

    @cached_property
    def jira(self) -> JiraClient:
        """Jira's REST API, with our own account."""
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
        """The API tokens."""
        return Tokens(self.redis)

    @cached_property
    def sessions(self) -> Sessions:
        """The sign-in sessions of the web pages."""
        return Sessions(self.redis)

    @cached_property
    def visibility_cache(self) -> VisibilityCache:
        """Jira's answers about who may see what, cached for a minute."""
        return VisibilityCache(self.redis)

    @cached_property
    def jira_as_viewer(self) -> JiraAsViewer:
        """Jira, as viewers of the panel see it."""
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
        """Finds people's Jira accounts by email."""
        return JiraUsers(
            self.redis,
            Accounts(self.jira),
            projects=lambda: self.collections.active.catalogue.projects(),
            public=self.settings.public,
        )

    # Retrieval, suggestions, search

    @cached_property
    def retrievers(self) -> Retrievers:
        """Search and ranking in each collection."""
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
        """Finds the issues that are most similar to an issue."""
        return SimilarIssues(
            self.jira, self.collections, self.retrievers, self.records, self.rankings, self.settings
        )

    @cached_property
    def results(self) -> Results:
        """Makes the results that callers see."""
        return Results(self.collections, self.media, self.settings)

    @cached_property
    def comment_policy(self) -> CommentPolicy:
        """Decides which issues a comment lists, and whether there is one."""
        return CommentPolicy(self.similar_issues, self.records, self.settings)

    @cached_property
    def comment_commands(self) -> CommentCommands:
        """Runs the commands in people's comments."""
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
        """Renders comments."""
        return CommentRenderer(
            self.collections,
            self.media,
            self.results,
            self.records.verdicts,
            self.settings,
        )

    @cached_property
    def comment_publisher(self) -> CommentPublisher:
        """Writes, updates and deletes our comments."""
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
        """Filters results by what callers may see."""
        return Disclosure(self.jira, self.collections, self.records, self.visibility, self.settings)

    @cached_property
    def search(self) -> Search:
        """Searches by text, by a clip, by an issue."""
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
        """Sends queries to workers with the model."""
        return Questions(self.redis, self.collections)

    @cached_property
    def clip_uploads(self) -> ClipUploads:
        """Uploaded clips to search with."""
        return ClipUploads(self.redis, self.collections, self.media, self.queues)

    # From Jira to the index

    @cached_property
    def scheduler(self) -> Scheduler:
        """Queues jobs."""
        return Scheduler(self.queues, self.collections, self.records, self.outbox, self.rankings)

    @cached_property
    def deletion(self) -> Deletion:
        """Deletes all data of issues and clips."""
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
        """Reads issues from Jira and updates their records."""
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
        """Downloads clips from Jira."""
        return Attachments(self.jira, self.settings)

    @cached_property
    def preview_maker(self) -> PreviewMaker:
        """Generates previews of clips."""
        return PreviewMaker(
            self.collections, self.media, self.attachments, self.queues, self.settings
        )

    @cached_property
    def backfill(self) -> Backfill:
        """Indexes existing issues."""
        return Backfill(self.redis, self.jira, self.collections, self.issue_sync, self.queues)

    @cached_property
    def backfill_estimate(self) -> BackfillEstimate:
        """Estimates how long a backfill takes."""
        return BackfillEstimate(self.jira, self.collections, self.records, self.settings)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Catches up on changes that webhooks missed."""
        return Reconciler(
            self.redis, self.jira, self.collections, self.records, self.scheduler, self.settings
        )

    @cached_property
    def comment_events(self) -> CommentEvents:
        """Handles events of comments that may have commands."""
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
        """The maintenance that a worker does every minute."""
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
        """Deletes old clips."""
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
        """Compares indexes with the records and fixes differences."""
        return IndexRepair(self.redis, self.collections, self.scheduler)

    @cached_property
    def index_move(self) -> IndexMove:
        """Moves the vectors to a separate Redis."""
        return IndexMove(self.redis, self.collections)

    @cached_property
    def signature_backfill(self) -> SignatureBackfill:
        """Adds signatures to clips that lack one."""
        return SignatureBackfill(self.collections, self.attachments, self.queues, self.settings)

    @cached_property
    def jira_outage(self) -> JiraOutage:
        """Checks whether Jira is available again, and resumes waiting jobs."""
        return JiraOutage(self.redis, self.jira, self.collections, self.queues)

    @cached_property
    def media_copy(self) -> MediaCopy:
        """Copies media files to the object store."""
        folder = MediaStore(self.redis, "", self.settings.data_dir)
        return MediaCopy(self.collections, self.media, folder)

    @cached_property
    def encoder_change(self) -> EncoderChange:
        """Re-indexes with another encoder and switches to it."""
        return EncoderChange(self.redis, self.collections, self.queues, self.scheduler)

    @cached_property
    def backup_writer(self) -> BackupWriter:
        """Writes backups."""
        return BackupWriter(self.redis, self.collections, self.records, self.tokens)

    @cached_property
    def backup_reader(self) -> BackupReader:
        """Restores backups."""
        return BackupReader(self.redis, self.collections, self.records, self.tokens)


@dataclass(frozen=True, eq=False)
class ModelServices(Services):
    """The services of a process with a model: `loaded`, or else the one of the settings."""

    loaded: Encoder | None = None

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded at first use and recorded for processes without it. Raises EncoderError
        if it can't be loaded, or if another model had the same name."""
        encoder = self.loaded or load_encoder(self.settings)
        self.collections.adopt(encoder)
        log.info("encoder_loaded", encoder=encoder.name, label=encoder.label)
        return encoder

    @cached_property
    def scale(self) -> Scale:
        """The scale of the model's cosine similarities."""
        return scale_of(self.encoder)

    @cached_property
    def tagger(self) -> Tagger | None:
        """Tags tickets with their kind of bug; None if tags are off. Raises LabelError."""
        if not self.settings.tags_wanted:
            return None
        return Tagger(self.encoder.embed_texts, load_labels(self.settings.bug_labels))

    @cached_property
    def clip_indexer(self) -> ClipIndexer:
        """Indexes clips."""
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
        """Indexes ticket texts."""
        return TicketIndexer(self.encoder, self.tagger)

    @cached_property
    def indexing(self) -> Indexing:
        """Runs the jobs that index clips and tickets."""
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
        """Heat maps for a pair of clips."""
        return HeatMaps(self.encoder, self.collections, self.media)

    @cached_property
    def upload_comparison(self) -> UploadComparison:
        """Compares uploaded clips with indexed ones."""
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
        """Searches by text."""
        return TextSearch(self.encoder, self.scale, self.collections, self.retrievers)

    def answerer(self, *, read: float = READ, draws: bool = True) -> Answerer:
        """A thread that answers queries, with a separate connection."""
        return Answerer(
            connect(self.settings), self.text_search, self.heat_maps, read=read, draws=draws
        )


class _Process:
    services: Services | None = None


def get_services() -> Services:
    """This process's services; with the model if it has one."""
    if _Process.services is None:
        _Process.services = Services(get_settings())
    return _Process.services


def get_model_services() -> ModelServices:
    """This process's services, with a model from now on."""
    if not isinstance(_Process.services, ModelServices):
        _Process.services = ModelServices(get_settings())
    return _Process.services


def set_services(parts: Services | None) -> None:
    """Set this process's services; None: create them again from the settings when needed."""
    _Process.services = parts

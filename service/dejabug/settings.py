"""Every setting of Déjà Bug: one class, read from the environment once.

Each field is the environment variable `DEJABUG_` + its name in capitals. `dejabug settings` prints
them all with their values (secrets masked); docs/reference/settings.md is made from the same descriptions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from dejabug.infra.errors import UserError
from dejabug.infra.labels import checked_threshold

MEBIBYTE = 1024 * 1024


def _address(url: str) -> str:
    """Without a slash at its end. Raises ValueError for what no library could take apart."""
    urlsplit(url)
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_address)]

# What neither lasts nor is reached by other machines, or cannot be written to.
NO_STORES = ("file", "local", "memory", "http", "https", "data")


def _object_store(address: str) -> str:
    """A bucket and perhaps a prefix, and nothing else: no credentials, no options, no chain."""
    if not address:
        return address
    if re.fullmatch(r"[a-z][a-z0-9+-]*://[\w.-]+(/[\w.=-]+)*/?", address, re.ASCII) is None:
        raise ValueError(
            "want a bucket and perhaps a prefix, like s3://bucket/dejabug. Credentials and options "
            "come from the environment alone (docs/how-to/object-store.md)"
        )
    if address.startswith(tuple(f"{each}://" for each in NO_STORES)):
        raise ValueError(
            "want an object store that web and workers reach; for a shared folder, leave it empty "
            "and set DEJABUG_DATA_DIR"
        )
    return address.rstrip("/")


def _threshold(threshold: float) -> float:
    try:
        return checked_threshold(threshold)
    except UserError as error:
        raise ValueError(str(error)) from None  # what pydantic knows


class Settings(BaseSettings):
    """What a studio may set. Sizes are bytes and times seconds unless a name says otherwise."""

    # Errors do not repeat what was set: it may be a secret in the wrong place.
    model_config = SettingsConfigDict(
        env_prefix="DEJABUG_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Redis
    redis_url: str = Field(
        "redis://localhost:6379/0",
        repr=False,  # it may hold a password
        description="The Redis (8 or newer, with its query engine) that holds queues and vectors.",
    )
    index_redis_url: str = Field(
        "",
        repr=False,
        description="A Redis for vectors alone; only this one needs the query engine then, and "
        "webhooks come in while it is away. Move what there is with `dejabug index move`.",
    )
    index_algorithm: Literal["auto", "flat", "hnsw"] = Field(
        "auto",
        description="Vector index: `flat` (exact), `hnsw` (approximate), or `auto`: flat until "
        "50,000 frames, then hnsw, built beside the old index and swapped in when ready.",
    )
    candidate_frames: int = Field(
        1000,
        ge=1,
        le=10_000,
        description="Nearest frames asked for per query frame (K). Large, because the top hundred "
        "frames often come from one or two clips.",
    )
    candidate_clips: int = Field(
        100, ge=1, description="Clips compared frame by frame after the index has named them."
    )

    # Encoder
    encoder: Literal["clip", "starter"] = Field(
        "clip",
        description="`clip`: any CLIP-like model of transformers. `starter`: needs no model hub.",
    )
    clip_model: str = Field(
        "openai/clip-vit-base-patch32",
        description="Hub name or local folder of the `clip` encoder's model.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the model runs; `cuda` fails loudly where there is none."
    )
    batch_size: int = Field(32, ge=1, description="Pictures per forward pass.")
    bug_tags: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether tickets are tagged with their kind of bug. `auto`: with encoders for "
        "which the tags' confidence was measured (docs/explanation/quality.md), that is, `starter`.",
    )
    bug_labels: Path | None = Field(
        None,
        description="A file of labels for the tags (TOML); default: the one that comes along, "
        "`service/dejabug/bug_labels.toml`.",
    )
    frame_crop: Literal["center", "squash", "two"] = Field(
        "squash",
        description="How a wide frame becomes the encoder's square: its middle, the whole frame "
        "squashed, or the mean of the squares at both ends.",
    )

    # Clips
    frames_per_second: float = Field(2.0, gt=0, le=30, description="Frames sampled per second.")
    max_frames: int = Field(
        120, ge=1, description="Cap of frames per clip; a longer clip is sampled more thinly."
    )
    clip_max_bytes: int = Field(
        1024 * MEBIBYTE, ge=1, description="Larger attachments are not downloaded."
    )
    decode_timeout: float = Field(
        120.0, gt=0, description="Seconds that decoding one clip may take."
    )
    decode_memory: int = Field(
        2048 * MEBIBYTE,
        ge=512 * MEBIBYTE,
        description="Memory that decoding one clip may take; 512 MiB at least, of which ffmpeg "
        "itself takes 300.",
    )
    decode_sandbox: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Rights that ffmpeg gives up before it reads a clip, see docs/explanation/malicious-files.md."
        " `auto`: as many as the kernel can take; `required`: no decoding where it cannot; `off`.",
    )
    ffmpeg: str | None = Field(
        None,
        description="ffmpeg to use, 5.1 or newer; default: the system's, else the packaged one.",
    )
    data_dir: Path = Field(
        Path("/var/lib/dejabug"),
        description="Folder for pictures of frames, previews and uploads; shared by the web and "
        "all workers of an installation.",
    )
    media_store: Annotated[str, AfterValidator(_object_store)] = Field(
        "",
        description="Object store for pictures, previews and uploads instead of that folder, as "
        "fsspec names it: `s3://bucket/prefix`. Its credentials come from the environment "
        "(docs/how-to/object-store.md), never from here.",
    )

    retention_days: int = Field(
        0,
        ge=0,
        description="Days after which a clip's vectors, pictures and preview are purged, counted "
        "from when it was attached; its file in Jira is left alone. 0 keeps all.",
    )

    # Jira
    jira_url: Url = Field("", description="Where people browse Jira.")
    jira_api_url: Url = Field(
        "",
        description="Base of the REST API when it differs from the browse address, e.g. "
        "https://api.atlassian.com/ex/jira/<cloudId> for a service account's scoped token.",
    )
    jira_user: str | None = Field(
        None, description="E-mail of the Cloud account; leave out for a Data Center access token."
    )
    jira_token: SecretStr = Field(SecretStr(""), description="API token or personal access token.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="The secret that Jira's admin webhook signs with."
    )
    project_groups: str = Field(
        "",
        description="Projects that may see each other's tickets, e.g. `GAME,GAMEDLC;RACE,RACE2`. "
        "A project in no group keeps to itself.",
    )

    duplicate_links: str = Field(
        "Duplicate",
        description="Names of the link types that say that two issues are the same, e.g. "
        "`Duplicate,Cloners`. What they say is learned from.",
    )

    reconcile_minutes: int = Field(
        15,
        ge=0,
        description="Minutes between looks for what webhooks missed; 0 switches them off.",
    )

    # The Jira app's panel
    public_url: Url = Field(
        "",
        description="Where browsers and Jira's app reach this service, with https://. Comments and "
        "Slack messages link to it.",
    )
    media_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs the short-lived addresses of pictures and clips, and seals what is kept "
        "of readers for as long: 32 or more random characters. Without it there are no such "
        "addresses.",
    )
    preview_max_bytes: int = Field(
        10 * 1024 * MEBIBYTE,
        ge=0,
        description="All small copies of clips together; those not watched for longest go first.",
    )
    forge_app_id: str = Field(
        "",
        description="The Jira app's own id, `ari:cloud:ecosystem::app/<uuid>`: calls of all other "
        "apps are refused. Without it there is no panel.",
    )
    forge_api_url: Url = Field(
        "",
        description="Where viewers' tokens work: `https://api.atlassian.com/ex/jira/<cloudId>`. "
        "Calls from another site that has the app are refused.",
    )
    forge_jwks_url: Url = Field(
        "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json",
        description="The keys that sign the calls of Jira's app.",
    )

    # Comments
    comment_threshold: Annotated[float, AfterValidator(_threshold)] = Field(
        0.8,
        description="Matches less probable than this are never commented, 0.5 to 1; see "
        "docs/explanation/quality.md.",
    )
    panel_threshold: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Matches less probable than this are not shown in the panel either. Lower than "
        "the comment's: who opens the panel has asked. Below 0.5 they are listed as unlikely.",
    )
    max_suggestions: int = Field(3, ge=1, le=10, description="Tickets named in one comment.")

    # Service
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on which each process offers its Prometheus metrics, at `/metrics`; "
        "0: none. Processes of one machine need a port each.",
    )
    metrics_host: str = Field(
        "127.0.0.1",
        description="Address that the metrics are offered at. There is no sign-in: whoever "
        "reaches it reads numbers of tickets and clips.",
    )
    webhook_max_bytes: int = Field(
        25 * MEBIBYTE, ge=1024, description="Larger bodies get 413; Jira Cloud drops them at 25 MB."
    )

    # API
    api_requests_per_minute: int = Field(
        120, ge=1, description="Requests a minute that one API token may make; more get 429."
    )
    upload_max_bytes: int = Field(
        512 * MEBIBYTE, ge=1024, description="Larger clips sent to `/api/v1/search/clip` get 413."
    )

    # Who asks without a token
    public_projects: str = Field(
        "",
        description="Projects whose tickets without a security level everybody in Slack, and "
        "everybody whom the provider signs in, may see, e.g. `GAME,GAMEDLC`.",
    )
    oidc_issuer: str = Field(
        "",
        description="The OpenID Connect provider at which people sign in to the pages, as its own "
        "discovery document names it, with https:// (docs/how-to/sign-in.md). Needs DEJABUG_PUBLIC_URL.",
    )
    oidc_client_id: str = Field("", description="What the provider calls this service.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="The secret that the provider gave this service."
    )
    oidc_name: str = Field(
        "your studio account",
        description="What the provider is called on the sign-in page, after *Sign in with*.",
    )

    # Slack
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="The Slack app's signing secret, for `/slack/events`."
    )
    slack_bot_token: SecretStr = Field(
        SecretStr(""), description="The Slack app's bot token, `xoxb-…`."
    )
    slack_app_token: SecretStr = Field(
        SecretStr(""), description="The Slack app's own token, `xapp-…`, for `dejabug slack`."
    )
    slack_pictures: bool = Field(
        False,
        description="Whether answers in Slack have pictures. Slack's servers fetch them from "
        "`DEJABUG_PUBLIC_URL`, and keep copies.",
    )

    @property
    def redis_address(self) -> str:
        """`redis_url` for people: without what is before its host."""
        return _told(self.redis_url)

    @property
    def vectors_apart(self) -> bool:
        """Whether vectors have a Redis of their own."""
        return self.index_redis_url not in ("", self.redis_url)

    @property
    def shows_media(self) -> bool:
        """Whether anybody can be shown pictures and clips: only by addresses that can be signed."""
        return bool(self.media_secret.get_secret_value())

    @property
    def index_redis_address(self) -> str:
        """`index_redis_url`, or `redis_url` where that is empty, for people."""
        return _told(self.index_redis_url or self.redis_url)

    @property
    def api_url(self) -> str:
        """Base address of Jira's REST API, without a slash at its end."""
        return self.jira_api_url or self.jira_url

    @property
    def tags_wanted(self) -> bool:
        """Whether tickets are tagged."""
        return self.bug_tags == "on" or (self.bug_tags == "auto" and self.encoder == "starter")

    @property
    def duplicate_link_types(self) -> frozenset[str]:
        """The names of `duplicate_links`, in small letters."""
        return frozenset(name.strip().lower() for name in self.duplicate_links.split(","))

    @property
    def public(self) -> frozenset[str]:
        """The keys of `public_projects`."""
        keys = (name.strip().upper() for name in self.public_projects.split(","))
        return frozenset(key for key in keys if key)

    def projects_beside(self, project: str) -> tuple[str, ...]:
        """The projects whose tickets may be suggested in `project`, itself included."""
        for group in self.project_groups.split(";"):
            members = tuple(name.strip().upper() for name in group.split(",") if name.strip())
            if project.upper() in members:
                return members
        return (project,)


def _told(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read from the environment at the first call. Raises UserError for
    those that cannot be."""
    try:
        return Settings()
    except ValidationError as error:
        raise UserError(str(error)) from None

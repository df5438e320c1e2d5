"""The Flask app: webhooks, pages, API, Jira panel, Slack, media and health checks. Never loads a
model."""

from __future__ import annotations

import structlog
from flask import Flask

from dejabug.infra.errors import UserError
from dejabug.infra.logs import configure_logs
from dejabug.infra.metrics import serve_metrics
from dejabug.services import Services
from dejabug.settings import get_settings
from dejabug.slack import http_handler
from dejabug.web import api, error_pages, health, media, pages, panel, slack, webhooks
from dejabug.web.forge import Forge
from dejabug.web.gauges import count_here
from dejabug.web.headers import protect
from dejabug.web.oidc import Provider
from dejabug.web.request_hooks import watch
from dejabug.web.tidy_addresses import TidiedAddresses

__all__ = ["create_app"]

log = structlog.get_logger()


def create_app(services: Services | None = None) -> Flask:
    """The service as a WSGI app. Raises UserError if the webhook secret is missing, the media
    store's client is not installed, or the settings of the panel or the sign-in provider are
    incomplete."""
    services = services or Services(get_settings())
    configure_logs(services.settings.log_format)
    if not services.settings.webhook_secret.get_secret_value():
        raise UserError(
            "DEJABUG_WEBHOOK_SECRET is empty, so anyone could send webhooks. "
            "Set it to the secret of the webhook in Jira."
        )
    if services.media.objects is not None:
        log.info("media_store", address=services.media.objects.address)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = services.settings.webhook_max_bytes
    app.extensions["dejabug"] = services
    protect(app, services.settings.public_url)
    watch(app)
    if services.settings.metrics_port:
        count_here(services.settings)
        serve_metrics(services.settings.metrics_host, services.settings.metrics_port)
    app.register_blueprint(webhooks.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(media.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.extensions["provider"] = (
        Provider(services.settings) if services.settings.oidc_issuer else None
    )
    app.extensions["forge"] = Forge(services.settings) if services.settings.forge_app_id else None
    app.register_blueprint(panel.blueprint)
    app.extensions["slack"] = http_handler(services)
    app.register_blueprint(slack.blueprint)
    error_pages.register(app)
    app.wsgi_app = TidiedAddresses(app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app

"""The Slack app: search from Slack, over HTTP or Socket Mode."""

from dejabug.slack.app import create_bolt, http_handler, run_socket

__all__ = ["create_bolt", "http_handler", "run_socket"]

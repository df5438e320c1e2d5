"""The Slack app: the same search for those who ask in Slack, by HTTP or by Socket Mode."""

from dejabug.slack.app import create_bolt, http_handler, run_socket

__all__ = ["create_bolt", "http_handler", "run_socket"]

"""What browsers are told of every answer: whom it may run with, be framed by, and be kept by.

The strictest that a program's answer needs; a page sets what it needs itself, and keeps it. OWASP,
HTTP Security Response Headers Cheat Sheet.
"""

from __future__ import annotations

from flask import Flask, Response

STRICTEST = {
    # An answer that is no page loads nothing, runs nothing, is framed by nobody.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"
    ),
    # Whose answer it is depends on a token or a session, unless the view knows better.
    "Cache-Control": "no-store",
}
# A year; for this host alone, since its neighbours are the studio's own business.
HTTPS_ONLY = "max-age=31536000"


def protect(app: Flask, public_url: str) -> None:
    """Have every answer of the app say so, errors included. `public_url` is where browsers come."""

    @app.after_request
    def add(answer: Response) -> Response:
        for name, value in STRICTEST.items():
            answer.headers.setdefault(name, value)
        if public_url.startswith("https://"):
            answer.headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
        return answer

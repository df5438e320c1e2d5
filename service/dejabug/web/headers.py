"""Security headers of every answer (OWASP, HTTP Security Response Headers Cheat Sheet).

The defaults are the strictest values, which suit an API answer. A page sets its own, and they stay.
"""

from __future__ import annotations

from flask import Flask, Response

STRICTEST = {
    # An answer that is not a page loads nothing, runs nothing and is not framed.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",  # for browsers without frame-ancestors
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"
    ),
    # Answers depend on a token or a session, unless the view says otherwise.
    "Cache-Control": "no-store",
}
# A year; for this host only, since other hosts of the domain belong to the studio.
HTTPS_ONLY = "max-age=31536000"


def protect(app: Flask, public_url: str) -> None:
    """Add the headers to every answer of the app, errors included. `public_url` is the address that
    browsers use."""

    @app.after_request
    def add(answer: Response) -> Response:
        for name, value in STRICTEST.items():
            answer.headers.setdefault(name, value)
        if public_url.startswith("https://"):
            answer.headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
        return answer

"""Errors in a clip, or in this machine's setup, that prevent a clip from being read."""

from __future__ import annotations

from dejabug.infra.errors import UserError


class ClipError(Exception):
    """A clip that cannot be used. `code` is short and stable, the message is for people.

    Codes: empty, not_a_video, truncated, too_large, too_many_pixels, too_small, unsupported,
    timeout, memory, crashed, no_frames, blank.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SandboxMissingError(UserError):
    """This machine lacks the required sandbox for the decoder; the clips are fine."""

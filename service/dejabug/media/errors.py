"""What is wrong with a clip, or with this machine, so that a clip cannot be read."""

from __future__ import annotations

from dejabug.infra.errors import UserError


class ClipError(Exception):
    """A clip that cannot be used. `code` is short and steady, the message is for a person.

    Codes: empty, not_a_video, truncated, too_large, too_many_pixels, too_small, unsupported,
    timeout, memory, crashed, no_frames, blank.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SandboxMissingError(UserError):
    """This machine has no sandbox for the decoder as it is to have; no clip is at fault."""

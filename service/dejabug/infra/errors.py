"""What a person did wrong or can mend, told apart from our own faults."""

from __future__ import annotations


class UserError(Exception):
    """A setting, a file, an argument or another system is not as it must be.

    The message is for the person who must act: what is wrong, and what to do. Commands print it and
    end with status 1. A fault of ours is another exception, such as ValueError, and ends in a
    traceback.
    """

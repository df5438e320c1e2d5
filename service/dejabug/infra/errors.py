"""Errors that the user can fix, as opposed to bugs in this code."""

from __future__ import annotations


class UserError(Exception):
    """Something is wrong with a setting, a file, an argument or another system.

    The message is for the user: what is wrong, and what to do. Commands print it and exit with
    status 1. A bug in this code raises another exception, such as ValueError, and ends in a
    traceback.
    """

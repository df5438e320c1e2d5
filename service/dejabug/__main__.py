"""`python -m dejabug`: the same as the command `dejabug`."""

from __future__ import annotations

from dejabug.cli import app

if __name__ == "__main__":
    app(prog_name="dejabug")

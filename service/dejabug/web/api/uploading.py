"""Writes a multipart body to one file on disk, within limits and without holding it in memory."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from flask import Request
from werkzeug.formparser import FormDataParser

from dejabug.web.api.errors import BadRequestError

# Limits: parts of a body, and bytes that are held in memory (werkzeug reads 64 KiB at a time).
MOST_PARTS = 10
MOST_IN_MEMORY = 500_000


def receive_file(request: Request, folder: Path, most: int) -> None:
    """Write the field `file` to `folder/clip`. The whole body may have `most` bytes.

    Raises BadRequestError, and werkzeug's RequestEntityTooLarge.
    """
    request.max_content_length = most
    if request.mimetype != "multipart/form-data":
        raise BadRequestError("Send the clip as the field `file` of a multipart/form-data body.")
    written: list[Path] = []

    def on_disk(
        total_content_length: int | None,  # noqa: ARG001 (werkzeug's names)
        content_type: str | None,  # noqa: ARG001
        filename: str | None,  # noqa: ARG001
        content_length: int | None = None,  # noqa: ARG001
    ) -> IO[bytes]:
        written.append(folder / str(len(written)))
        return written[-1].open("w+b")

    parser = FormDataParser(
        stream_factory=on_disk,
        max_form_memory_size=MOST_IN_MEMORY,
        max_content_length=most,
        max_form_parts=MOST_PARTS,
        silent=False,
    )
    try:
        _, _, files = parser.parse(
            request.stream, request.mimetype, request.content_length, request.mimetype_params
        )
    except ValueError as error:
        raise BadRequestError(f"Invalid multipart body: {error}.") from None
    for _, file in files.items(multi=True):
        file.close()
    sent = files.getlist("file")
    if len(sent) != 1 or len(written) != 1:
        raise BadRequestError("Send exactly one clip, in the field `file`.")
    if written[0].stat().st_size == 0:
        raise BadRequestError("The file is empty.")
    written[0].rename(folder / "clip")

"""The file format: a ZIP archive of small members and a manifest with each one's SHA-256.

ZIP, since every system reads it, a member can be read without the rest, and arrays are in it as
`.npy` files. Frames are stored uncompressed (vectors hardly shrink), text is deflated. A member has
a few megabytes, so that neither side ever needs more memory.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from dejabug.index.signatures import SIDE
from dejabug.infra.errors import UserError
from dejabug.maintenance.backup.records import FORMAT, Counts, EncoderLine, Manifest
from dejabug.ranking import Floats

MANIFEST = "manifest.json"
# Bytes of one member: the exporter's stay below 50 MB, and a broken file must not fill the memory.
LARGEST = 512 * 1024 * 1024
# Members of one file: ten million frames make some thousands.
MOST_MEMBERS = 1_000_000
# What zipfile raises for truncated or modified files; RuntimeError if a file is encrypted,
# NotImplementedError for an unknown compression.
BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError,
    OverflowError, MemoryError,
)  # fmt: skip
Halves = npt.NDArray[np.float16]
Pictures = npt.NDArray[np.uint8]


class BackupError(UserError):
    """The file is not a backup, has another format, or is truncated or modified; the message says
    which."""


class Writer:
    """Writes a backup: under a temporary name until it is complete, readable only by its owner."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w")
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        """An unfinished backup leaves nothing behind."""
        with suppress(ValueError, OSError):  # the disk may be full, which was already reported
            self._zip.close()
        with suppress(OSError):
            self._file.close()
        self._draft.unlink(missing_ok=True)

    def lines(self, name: str, lines: Iterable[BaseModel]) -> None:
        """A member of JSON Lines."""
        text = "".join(f"{line.model_dump_json()}\n" for line in lines)
        self._add(name, text.encode(), zipfile.ZIP_DEFLATED)

    def array(self, name: str, rows: npt.NDArray[Any], *, packed: bool = False) -> None:
        """A member that `numpy.load` reads; `packed`: deflated, which does not pay for vectors."""
        target = io.BytesIO()
        np.lib.format.write_array(target, rows, allow_pickle=False)
        kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        self._add(name, target.getbuffer(), kind)

    def finish(
        self, created: float, version: str, encoders: list[EncoderLine], counts: Counts
    ) -> Manifest:
        """Write the manifest, and give the file its final name once all of it is on the disk."""
        manifest = Manifest(
            format=FORMAT, version=version, created=created, encoders=encoders, counts=counts,
            members=self._digests,
        )  # fmt: skip
        said = manifest.model_dump_json(indent=1)
        self._zip.writestr(MANIFEST, said, zipfile.ZIP_DEFLATED)
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._path)
        return manifest

    def _add(self, name: str, data: bytes | memoryview, compression: int) -> None:
        self._digests[name] = hashlib.sha256(data).hexdigest()
        self._zip.writestr(name, data, compression)


class Reader:
    """Reads a backup, and accepts nothing whose digest does not match. Every method raises
    BackupError."""

    def __init__(self, path: Path) -> None:
        with _whole(path.name):
            self._zip = zipfile.ZipFile(path)
        try:
            self.manifest = self._manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_ended: object) -> None:
        self._zip.close()

    def digest(self) -> str:
        """A value that identifies this backup."""
        return hashlib.sha256(self.manifest.model_dump_json().encode()).hexdigest()

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self.manifest.members

    def numbered(self, folder: str, suffix: str) -> Iterator[str]:
        """The members `folder/000001suffix` and so on, in order."""
        number = 1
        while self.has(name := numbered(folder, number, suffix)):
            yield name
            number += 1

    def lines(self, name: str, kind: type[Any]) -> list[Any]:
        """A member's lines, each checked."""
        try:
            return [kind.model_validate_json(line) for line in self._read(name).splitlines()]
        except ValidationError as error:
            raise BackupError(f"{name} has an invalid line: {_first(error)}") from None

    def array(self, name: str, dimensions: int) -> Halves:
        """A member's rows, float16 [n, dimensions]; the index checks that they are unit vectors."""
        with _whole(name):
            rows: Halves = np.load(io.BytesIO(self._read(name)), allow_pickle=False)
        if rows.dtype != np.float16 or rows.ndim != 2 or rows.shape[1] != dimensions:
            raise BackupError(f"{name} has {rows.dtype} {rows.shape}, expected [n, {dimensions}]")
        return rows

    def pictures(self, name: str) -> Pictures:
        """A member's grey images, uint8 [n, 12, 12]."""
        with _whole(name):
            rows: Pictures = np.load(io.BytesIO(self._read(name)), allow_pickle=False)
        if rows.dtype != np.uint8 or rows.shape[1:] != (SIDE, SIDE):
            raise BackupError(f"{name} has {rows.dtype} {rows.shape}, expected [n, {SIDE}, {SIDE}]")
        return rows

    def floats(self, name: str) -> Floats:
        """A member's matrix float32 [d, k]."""
        with _whole(name):
            rows: Floats = np.load(io.BytesIO(self._read(name)), allow_pickle=False)
        if rows.dtype != np.float32 or rows.ndim != 2 or not np.isfinite(rows).all():
            raise BackupError(f"{name} is not a matrix of finite numbers")
        return rows

    def _read(self, name: str) -> bytes:
        with _whole(name):
            if self._zip.getinfo(name).file_size > LARGEST:
                raise BackupError(f"{name} is larger than the limit for a member")
            data = self._zip.read(name)
        if hashlib.sha256(data).hexdigest() != self.manifest.members[name]:
            raise BackupError(f"{name} does not match its checksum: the file was modified")
        return data

    def _manifest(self) -> Manifest:
        with _whole(MANIFEST):
            names = self._zip.namelist()
            if MANIFEST not in names or self._zip.getinfo(MANIFEST).file_size > LARGEST:
                raise BackupError("not a Déjà Bug backup: it has no manifest")
            text = self._zip.read(MANIFEST)
        try:
            manifest = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise BackupError(f"the manifest is not valid: {_first(error)}") from None
        if manifest.format != FORMAT:
            raise BackupError(
                f"this backup has format {manifest.format} (Déjà Bug {manifest.version}), but this "
                f"version reads format {FORMAT}: import it with the version that wrote it"
            )
        if sorted(names) != sorted([*manifest.members, MANIFEST]) or len(names) > MOST_MEMBERS:
            raise BackupError("members are missing, duplicated or unknown: the file was modified")
        return manifest


def numbered(folder: str, number: int, suffix: str) -> str:
    """The name of a numbered member."""
    return f"{folder}/{number:06d}{suffix}"


@contextmanager
def _whole(what: str) -> Iterator[None]:
    """Turns zipfile's and numpy's errors about a broken file into one clear error."""
    try:
        yield
    except BackupError:
        raise
    except FileNotFoundError:
        raise BackupError(f"file not found: {what}") from None
    except (*BROKEN, KeyError) as error:
        raise BackupError(
            f"cannot read {what}; it is not a backup, or it is truncated or modified: {error}"
        ) from None


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in wrong['loc'])}: {wrong['msg']}"

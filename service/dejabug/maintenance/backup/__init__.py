"""A backup in one file of everything that cannot be made again, or only at great cost:
`dejabug export`, `dejabug import`.

`archive.py` is the file format, `records.py` the format of its lines; `exporting.py` and
`importing.py` move data between it and Redis.
"""

from __future__ import annotations

from dejabug.maintenance.backup.archive import BackupError
from dejabug.maintenance.backup.exporting import BackupWriter
from dejabug.maintenance.backup.importing import BackupReader, check_backup
from dejabug.maintenance.backup.records import Counts, Manifest

__all__ = ["BackupError", "BackupReader", "BackupWriter", "Counts", "Manifest", "check_backup"]

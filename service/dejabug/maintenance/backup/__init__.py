"""A backup in one file: what cannot be made again, or is dear. `dejabug export`, `dejabug import`.

`archive.py` is the file, `records.py` what its lines say, `exporting.py` and `importing.py` go
between it and Redis.
"""

from __future__ import annotations

from dejabug.maintenance.backup.archive import BackupError
from dejabug.maintenance.backup.exporting import BackupWriter
from dejabug.maintenance.backup.importing import BackupReader, check_backup
from dejabug.maintenance.backup.records import Counts, Manifest

__all__ = ["BackupError", "BackupReader", "BackupWriter", "Counts", "Manifest", "check_backup"]

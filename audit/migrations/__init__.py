"""The schema's history, run by `audit.database`; there is no alembic.ini and no command line to call.

A new revision is a new file in ``versions/``: ``NNNN_words.py`` with ``revision = "NNNN"``, added to `REVISIONS`.
A revision that was released is never edited.
"""

from __future__ import annotations

import threading

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Oldest first. Stands here so that a reader can judge a database without loading Alembic."""

VERSION_TABLE = "coatcheck_audit_version"
"""Not Alembic's default name: a PostgreSQL database may be shared with other applications."""

MIGRATION_LOCK = 0x636F6174_61756474
"""PostgreSQL's advisory lock of whoever migrates (this number spells "coataudt")."""

ONE_AT_A_TIME = threading.Lock()
"""Alembic's context belongs to the process: two threads may not migrate at once, even different databases. Taken before
any lock of the database."""

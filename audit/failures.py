"""What a database driver's exception means, in words that say what to do. Imports nothing of ours but the error.

Nothing of the driver's own text is passed on: it may carry statements and parameters.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError

from audit.errors import AuditError

_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("full", "the disk (or the file's size limit) is full: free some space"),
    sqlite3.SQLITE_BUSY: ("locked", "another process holds it locked: end that process, or wait for it"),
    sqlite3.SQLITE_LOCKED: ("locked", "it is locked: end what holds it, or wait for it"),
    sqlite3.SQLITE_PERM: ("unopenable", "access is denied: check the owner and the mode of the file and its directory"),
    sqlite3.SQLITE_READONLY: ("unopenable", "it cannot be written: check owner, mode and mount of file and directory"),
    sqlite3.SQLITE_CANTOPEN: ("unopenable", "it cannot be opened: check that the path names a file in a directory that "
                              "this user may write"),
    sqlite3.SQLITE_IOERR: ("unopenable", "reading or writing failed: check the disk and the file system"),
    sqlite3.SQLITE_NOTADB: ("unopenable", "it is not an SQLite database: name another file, or move this one away"),
    sqlite3.SQLITE_CORRUPT: ("unopenable", "it is damaged: keep a copy, then restore a backup"),
    sqlite3.SQLITE_PROTOCOL: ("locked", "its locks do not work here: put it on a local file system"),
}  # fmt: skip

_POSTGRESQL: dict[str, tuple[str, str]] = {
    "42501": ("unopenable", "this account lacks a right: let the tables' owner run `coatcheck audit roles` for it"),
    "42P01": ("unopenable", "a table is not there, or this account may not see it: let the tables' owner run "
              "`coatcheck audit migrate`, then `coatcheck audit roles`"),
    "25006": ("unreachable", "it takes no writes: it is a standby, or set to read-only"),
    "53100": ("full", "the server's disk is full: free some space"),
    "53300": ("unreachable", "the server has no connection left: raise max_connections, or close others'"),
    "55P03": ("locked", "another transaction holds it locked: end that one, or wait for it"),
    "25P03": ("locked", "the server ended a transaction that had stood still"),
    "57P01": ("unreachable", "the server was shut down or ended this connection"),
    "57P02": ("unreachable", "the server crashed and starts again"),
    "57P03": ("unreachable", "the server is starting or stopping: wait for it"),
}  # fmt: skip
"""By SQLSTATE."""


def explain(error: BaseException, place: str) -> AuditError:
    """The `AuditError` for a driver's exception; ``place`` is the database's URL without its password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        primary = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
        code, advice = _SQLITE.get(primary, ("unopenable", "the database refused: check the file"))
        return AuditError(code, f"Audit database {place}: {advice}.")
    if isinstance(cause, OSError):
        return AuditError("unopenable", f"Audit database {place}: {cause.strerror or 'not accessible'}.")
    if (state := getattr(cause, "sqlstate", None)) in _POSTGRESQL:
        code, advice = _POSTGRESQL[state]
        return AuditError(code, f"Audit database {place}: {advice}.")
    return AuditError(
        "unreachable",
        f"Audit database {place}: no answer, or access denied: check the server, the URL, the account and its rights.",
    )


def is_about_one_record(error: BaseException, dialect: str) -> bool:
    """True if the database is well and only what it was given is not (duplicate id, unknown word, number too large)."""
    if not isinstance(error, DBAPIError):
        return True
    if isinstance(error, (IntegrityError, DataError, InterfaceError)):
        return not error.connection_invalidated
    # A value of a type that cannot be bound is a ProgrammingError in sqlite3; in PostgreSQL that class also means
    # missing tables and missing rights.
    return isinstance(error, ProgrammingError) and dialect == "sqlite"

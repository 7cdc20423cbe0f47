"""What the audit room raises. Imports nothing of ours.

A message says what was wrong, where, and what to do. It never quotes a record, and no cause is chained to it:
the database drivers' own exceptions carry statement parameters.
"""

from __future__ import annotations


class AuditError(Exception):
    """The audit database cannot do what was asked; who wanted to record something must refuse.

    ``code`` is a stable word for metrics and refusals:

    ``unopenable``, ``newer``, ``foreign``, ``missing``, ``outdated`` (opening);
    ``full``, ``locked``, ``gone``, ``unreachable``, ``invalid``, ``damaged``, ``timeout``, ``queue_full``, ``stopped``,
    ``journal``, ``journal_full`` (writing);
    ``query``, ``not_found``, ``ambiguous`` (reading);
    ``key``, ``note``, ``export``, ``proof``, ``timestamp`` (the ledger's files: not what they should be).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

"""Brings the journal's records into the database, in order: some batches to a transaction, each record once.

A batch counts as drained when its transaction is durable. A crash in between drains it again, and what the database has
already is passed over. Imports the journal and the writer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from audit.intake import BATCH
from audit.journal import Journal
from audit.records import Outcome
from audit.writer import Record, Writer

_log = logging.getLogger(__name__)


def drain_one(journal: Journal, writer: Writer) -> int:
    """Drain what fits one transaction; returns how many records, 0 if none is left. Raises AuditError: none was."""
    while batches := journal.next(BATCH):
        records: list[Record] = []
        readable = 0
        for batch in batches:
            try:
                records += batch.records()
            except ValueError:
                break
            readable += 1
        if not readable:
            journal.unreadable(batches[0])
            continue
        _write(records, writer)
        journal.drained(batches[:readable])
        return len(records)
    return 0


def _write(records: Sequence[Record], writer: Writer) -> None:
    verdicts = writer.write(records, again=True)
    refused = [record for record, error in zip(records, verdicts, strict=True) if error is not None]
    outcomes = sum(isinstance(record, Outcome) for record in refused)
    if outcomes:
        _log.error("%d outcome(s) of the audit journal were refused: their decisions are not recorded.", outcomes)
    if len(refused) > outcomes:
        _log.critical("%d decision(s) of the audit journal were refused by the database.", len(refused) - outcomes)


def drain(journal: Journal, writer: Writer) -> int:
    """Drain all of it; returns how many records. Raises AuditError: what was drained until then stays drained."""
    total = 0
    while count := drain_one(journal, writer):
        total += count
    journal.settle()
    return total

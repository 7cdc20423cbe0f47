"""What an auditor's account sees on PostgreSQL: views in a schema of their own. Imports the schema and its questions.

For each table there is a view of the same name, so that with the schema first in its search path an account's questions
(this program's, and anybody's in psql) mean the views; the tables themselves stay closed to it. Besides them stand
views that answer an auditor's questions without a join. They depend on the tables, so migrations drop them and make
them anew (`audit.roles`).
"""
# ruff: noqa: S608  every name in these statements is one of ours

from __future__ import annotations

from collections.abc import Iterator

from audit.filters import PENDING_FOR
from audit.migrations import VERSION_TABLE
from audit.schema import Base

SCHEMA = "coatcheck_auditor"

_OUTCOME_COLUMNS = tuple(c.name for c in Base.metadata.tables["outcomes"].c if c.name not in ("seq", "decision_seq"))
_CLASHING = frozenset(c.name for c in Base.metadata.tables["decisions"].c)


def statements(tables_schema: str) -> Iterator[str]:
    """SQL that makes the views. ``tables_schema``: where the tables are, quoted if need be."""
    for name, table in Base.metadata.tables.items():
        columns = ", ".join(_quoted(c.name) for c in table.c)
        yield _view(name, f"SELECT {columns} FROM {tables_schema}.{name}")
    yield _view(VERSION_TABLE, f"SELECT version_num FROM {tables_schema}.{VERSION_TABLE}")
    for name, question in _questions(tables_schema).items():
        yield _view(name, question)


def names() -> tuple[str, ...]:
    """All of the views."""
    return (*Base.metadata.tables, VERSION_TABLE, *_questions(""))


def _questions(schema: str) -> dict[str, str]:
    ended = ", ".join(
        f"o.{_quoted(name)} AS {_quoted(f'outcome_{name}' if name in _CLASHING else name)}" for name in _OUTCOME_COLUMNS
    )
    pending = f"interval '{int(PENDING_FOR.total_seconds())} seconds'"
    state = (
        "CASE WHEN d.route IS NULL THEN 'refused' "
        "WHEN o.seq IS NOT NULL THEN CASE WHEN o.error IS NULL AND o.complete THEN 'complete' ELSE 'failed' END "
        f"WHEN d.time > now() - {pending} THEN 'pending' ELSE 'unresolved' END"
    )
    return {
        # A decision and what became of it.
        "records": f"SELECT d.*, {ended}, {state} AS state "
        f"FROM {schema}.decisions d LEFT JOIN {schema}.outcomes o ON o.decision_seq = d.seq",
        # What was found in a request, by entity.
        "findings_by_decision": "SELECT d.seq, d.id, d.time, d.principal, d.upstream, d.route, d.destination_country, "
        "f.entity, sum(f.count) AS count, max(f.max_score) AS max_score, "
        "string_agg(DISTINCT f.action, ',' ORDER BY f.action) AS actions, "
        "string_agg(DISTINCT f.recognizer, ',' ORDER BY f.recognizer) AS recognizers "
        f"FROM {schema}.decisions d JOIN {schema}.findings f ON f.decision_seq = d.seq GROUP BY d.seq, f.entity",
        # How far the ledger goes and how far it is signed.
        "ledger_status": f"SELECT (SELECT coalesce(max(leaf) + 1, 0) FROM {schema}.ledger) AS leaves, "
        f"(SELECT max(size) FROM {schema}.ledger_checkpoints) AS signed_leaves, "
        f"(SELECT time FROM {schema}.ledger_checkpoints ORDER BY size DESC LIMIT 1) AS signed_at",
    }


def _view(name: str, question: str) -> str:
    return f"CREATE VIEW {SCHEMA}.{name} AS {question}"


def _quoted(name: str) -> str:
    return f'"{name}"'

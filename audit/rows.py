"""Between records and rows: the column values of a record, and the record of a row. Pure; imports records and schema.

The records' field names are the column names (a test compares them), so nothing is listed twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from audit.records import Decision, Finding, Outcome, PolicyRecord

MAX_TEXT = 1024
"""Code points of a text field. Longer text is a client's doing; it is cut, and ends in an ellipsis."""

MAX_JSON = 32 * 1024
"""Code points of a field that holds JSON (`LONG_FIELDS`): whoever makes one keeps within it."""

LONG_FIELDS = frozenset({"shape", "response_findings"})

DECISION_FIELDS = tuple(f.name for f in dataclasses.fields(Decision) if f.name != "findings")
FINDING_FIELDS = tuple(f.name for f in dataclasses.fields(Finding) if f.name != "fingerprints")
OUTCOME_FIELDS = tuple(f.name for f in dataclasses.fields(Outcome) if f.name != "decision_id")
POLICY_FIELDS = tuple(f.name for f in dataclasses.fields(PolicyRecord))


def storable(value: str, limit: int = MAX_TEXT) -> str:
    """Text that every database takes: NUL and lone surrogates become escapes, more than ``limit`` is cut."""
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    if "\0" in value:
        value = value.replace("\0", "\\x00")
    # str(): an enum's member is a str, too, and drivers treat it as something else.
    return str(value) if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def _values(record: object, names: Sequence[str]) -> dict[str, Any]:
    values = {}
    for name in names:
        value = getattr(record, name)
        if isinstance(value, str):
            value = storable(value, MAX_JSON if name in LONG_FIELDS else MAX_TEXT)
        values[name] = value
    return values


def decision_values(decision: Decision) -> dict[str, Any]:
    """Columns of ``decisions`` but for ``seq``."""
    return _values(decision, DECISION_FIELDS)


def finding_values(finding: Finding) -> dict[str, Any]:
    """Columns of ``findings`` but for the decision's number and the finding's position, in `FINDING_FIELDS`' order."""
    return _values(finding, FINDING_FIELDS)


def outcome_values(outcome: Outcome) -> dict[str, Any]:
    """Columns of ``outcomes`` but for ``seq`` and ``decision_seq``."""
    return _values(outcome, OUTCOME_FIELDS)


def policy_values(policy: PolicyRecord) -> dict[str, Any]:
    """Columns of ``policies`` but for ``seq``. The policy itself is never cut: it would be another."""
    return _values(policy, POLICY_FIELDS) | {"policy": storable(policy.policy, len(policy.policy))}


def decision_of(row: Mapping[Any, Any], findings: Sequence[Finding]) -> Decision:
    """The decision of a row of ``decisions``."""
    return Decision(**{name: row[name] for name in DECISION_FIELDS}, findings=tuple(findings))


def finding_of(row: Mapping[Any, Any], fingerprints: Sequence[str]) -> Finding:
    """The finding of a row of ``findings``."""
    return Finding(**{name: row[name] for name in FINDING_FIELDS}, fingerprints=tuple(fingerprints))


def outcome_of(row: Mapping[Any, Any], decision_id: str) -> Outcome:
    """The outcome of a row of ``outcomes``."""
    return Outcome(decision_id=decision_id, **{name: row[name] for name in OUTCOME_FIELDS})


def policy_of(row: Mapping[Any, Any]) -> PolicyRecord:
    """The policy of a row of ``policies``."""
    return PolicyRecord(**{name: row[name] for name in POLICY_FIELDS})

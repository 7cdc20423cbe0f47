"""The columns of the tabular exports (CSV, Parquet): names, types, and the cells of an entry. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit import leaf
from audit.exports.entries import Entry

_KIND_OF = {writer: kind for kind, writer in leaf.WRITERS.items()}
_LONG = ("shape", "response_findings")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``kind`` is a key of `audit.leaf.WRITERS`."""

    name: str
    kind: str
    cell: Callable[[Entry, Mapping[str, Any]], Any]
    """Of an entry, and where rows are findings, of the finding."""


def _of_decision(name: str, writer: Any) -> Column:
    return Column(name, _KIND_OF[writer], lambda entry, _: None if entry.decision is None else entry.decision[name])


def _of_outcome(name: str, writer: Any) -> Column:
    return Column(
        "outcome_time" if name == "time" else name,
        _KIND_OF[writer],
        lambda entry, _: None if entry.outcome is None else entry.outcome[name],
    )


_PLACE = (
    Column("leaf", "integer", lambda entry, _: entry.leaf if entry.leaf >= 0 else None),
    Column("outcome_leaf", "integer", lambda entry, _: entry.outcome_leaf),
)
_FIRST = ("seq", "id", "time", "tenant", "principal", "action", "rule", "reason", "route", "destination_country")
_DECISION = [
    *_FIRST,
    *(name for name in leaf.DECISION_FIELDS if name not in _FIRST and name not in _LONG),
]
_OUTCOME = [name for name in leaf.OUTCOME_FIELDS if name not in ("seq", "decision_seq", "decision_id", *_LONG)]


def _entities(entry: Entry, _: Mapping[str, Any]) -> str:
    found: dict[str, int] = {}
    for finding in (entry.decision or {}).get("findings", ()):
        found[finding["entity"]] = found.get(finding["entity"], 0) + finding["count"]
    return " ".join(f"{entity}:{count}" for entity, count in found.items())


def _findings(entry: Entry, _: Mapping[str, Any]) -> str:
    return json.dumps((entry.decision or {}).get("findings", []), ensure_ascii=False, separators=(",", ":"))


DECISION_ROWS = (
    *_PLACE,
    *(_of_decision(name, leaf.DECISION_FIELDS[name]) for name in _DECISION),
    Column("entities", "text", _entities),
    Column("findings", "text", _findings),
    _of_decision("shape", leaf.DECISION_FIELDS["shape"]),
    Column("state", "text", lambda entry, _: None if entry.state is None else str(entry.state)),
    *(_of_outcome(name, leaf.OUTCOME_FIELDS[name]) for name in _OUTCOME),
    _of_outcome("response_findings", leaf.OUTCOME_FIELDS["response_findings"]),
)
"""One row for a decision, with its outcome; findings, shape and response_findings are JSON."""

_CONTEXT = ("seq", "id", "time", "tenant", "principal", "upstream", "endpoint", "model", "provider", "route",
            "destination_country", "policy_hash", "detector_version")  # fmt: skip

FINDING_ROWS = (
    *_PLACE[:1],
    *(_of_decision(name, leaf.DECISION_FIELDS[name]) for name in _CONTEXT),
    Column("decision_action", "text", lambda entry, _: (entry.decision or {})["action"]),
    Column("position", "integer", lambda _, finding: finding["position"]),
    *(
        Column(name, _KIND_OF[leaf.FINDING_FIELDS[name]], lambda _, finding, name=name: finding[name])  # type: ignore[misc]
        for name in ("entity", "count", "action", "role", "path", "recognizer", "max_score")
    ),
    Column("fingerprints", "text", lambda _, finding: " ".join(finding["fingerprints"])),
)
"""One row for a finding; decisions without findings have none."""


def rows_of(entry: Entry, columns: tuple[Column, ...]) -> Iterator[list[Any]]:
    """The rows of an entry; times as `datetime` in UTC."""
    if columns is FINDING_ROWS:
        for position, finding in enumerate((entry.decision or {}).get("findings", ())):
            yield _cells(entry, dict(finding) | {"position": position}, columns)
    else:
        yield _cells(entry, {}, columns)


def _cells(entry: Entry, finding: Mapping[str, Any], columns: tuple[Column, ...]) -> list[Any]:
    cells = []
    for column in columns:
        value = column.cell(entry, finding)
        cells.append(dt.datetime.fromisoformat(value) if column.kind == "moment" and value is not None else value)
    return cells

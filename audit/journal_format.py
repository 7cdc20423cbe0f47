"""The journal's file: records as JSON lines in numbered batches, each with its own SHA-256. Pure: bytes in, bytes out.

A file is `HEADER_BYTES` (a line with the version, 16 bytes of the file's own) and batches: `MARK`, number, length,
digest, payload. A batch is what one fsync made durable. The digest covers file, number and length too, so that no batch
stands for another; since it depends on no earlier batch, what follows a damaged one can still be read. JSON is written
in ASCII: `MARK` cannot stand in it. Imports records and the checks that the database would make.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, Table

from audit.leaf import decision_json, outcome_json, policy_json
from audit.records import Decision, Finding, Outcome, PolicyRecord
from audit.rows import decision_values, finding_values, outcome_values, policy_values
from audit.schema import ACTIONS, MODES, Base

type Record = Decision | Outcome | PolicyRecord

VERSION_LINE = b"coatcheck-journal/1\n"
ID_BYTES = 16
HEADER_BYTES = len(VERSION_LINE) + ID_BYTES
MARK = b"\xf5\xc0\xa7\xff"
BATCH_HEAD_BYTES = len(MARK) + 8 + 4 + 32

_KINDS: dict[str, type[Record]] = {"decision": Decision, "outcome": Outcome, "policy": PolicyRecord}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_tables: dict[str, Table] = dict(Base.metadata.tables)
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch and where it ends."""

    number: int
    payload: bytes
    end: int

    @property
    def count(self) -> int:
        """Records in it."""
        return self.payload.count(b"\n")

    def records(self) -> list[Record]:
        """The records, in order. Raises ValueError for what this version does not know."""
        return [decode(line) for line in self.payload.splitlines()]


def header(name: bytes) -> bytes:
    """The beginning of a file; ``name``: 16 random bytes."""
    return VERSION_LINE + name


def batch(name: bytes, number: int, lines: Sequence[bytes]) -> bytes:
    """Encoded records as one batch; ``number`` counts from 0 within the file."""
    payload = b"".join(lines)
    return MARK + _sized(number, payload) + _digest(name, number, payload) + payload


def batch_at(data: bytes, at: int, name: bytes) -> Batch | None:
    """The whole and undamaged batch that begins at ``at``, if there is one."""
    start = at + BATCH_HEAD_BYTES
    if len(data) < start or data[at : at + len(MARK)] != MARK:
        return None
    number = int.from_bytes(data[at + 4 : at + 12], "big")
    end = start + int.from_bytes(data[at + 12 : at + 16], "big")
    payload = data[start:end]
    if end > len(data) or _digest(name, number, payload) != data[at + 16 : start]:
        return None
    return Batch(number, payload, end)


def next_batch_after(data: bytes, at: int, name: bytes) -> int | None:
    """Where the next undamaged batch begins, behind ``at``."""
    place = data.find(MARK, at + 1)
    while place != -1:
        if batch_at(data, place, name) is not None:
            return place
        place = data.find(MARK, place + 1)
    return None


def _sized(number: int, payload: bytes) -> bytes:
    return number.to_bytes(8, "big") + len(payload).to_bytes(4, "big")


def _digest(name: bytes, number: int, payload: bytes) -> bytes:
    return sha256(name + _sized(number, payload) + payload).digest()


def encode(record: Record) -> bytes:
    """One line. Raises ValueError or TypeError for what the database would refuse: an acknowledgement binds."""
    _check(record)
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    if isinstance(record, Decision):
        values["findings"] = [
            {f.name: getattr(one, f.name) for f in dataclasses.fields(one)} | {"fingerprints": list(one.fingerprints)}
            for one in record.findings
        ]
    values["time"] = record.time.astimezone(dt.UTC).isoformat()
    line = {"kind": _NAMES[type(record)], "record": values}
    return json.dumps(line, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Record:
    """The record of a line. Raises ValueError."""
    try:
        value = json.loads(line)
        fields: dict[str, Any] = dict(value["record"])
        fields["time"] = dt.datetime.fromisoformat(fields["time"])
        if value["kind"] == "decision":
            fields["findings"] = tuple(
                Finding(**(one | {"fingerprints": tuple(one["fingerprints"])})) for one in fields["findings"]
            )
        return _KINDS[value["kind"]](**fields)
    except (KeyError, TypeError):
        raise ValueError("a record of another version") from None


def _check(record: Record) -> None:
    """What the database's types and constraints would say."""
    if record.time.tzinfo is None:
        raise ValueError("a time without a zone cannot be recorded")
    if isinstance(record, Decision):
        values = _fit("decisions", decision_values(record) | {"id": str(uuid.UUID(record.id)), "seq": 0})
        findings = []
        for one in record.findings:
            of_finding = _fit("findings", finding_values(one))
            if one.action not in ACTIONS or not all(isinstance(text, str) for text in one.fingerprints):
                raise ValueError("no finding that can be recorded")
            findings.append((of_finding, list(one.fingerprints)))
        if record.action not in ACTIONS or record.mode not in MODES or record.would_action not in (None, *ACTIONS):
            raise ValueError("no action or mode that can be recorded")
        decision_json(values, findings)
    elif isinstance(record, Outcome):
        values = _fit("outcomes", outcome_values(record))
        key = str(uuid.UUID(record.decision_id))
        outcome_json(values | {"decision_id": key, "decision_seq": 0, "seq": 0})
    else:
        policy_json(_fit("policies", policy_values(record) | {"id": str(uuid.UUID(record.id)), "seq": 0}))


def _fit(table: str, values: dict[str, Any]) -> dict[str, Any]:
    for column in _tables[table].columns:
        value = values.get(column.name)
        if column.name not in values:
            continue
        if value is None and not column.nullable:
            raise ValueError("a field that must be there is not")
        if isinstance(value, int) and isinstance(column.type, BigInteger) and not _SMALLEST <= value <= _LARGEST:
            raise ValueError("a number is too large")
    return values

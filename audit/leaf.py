"""What stands for a record in the ledger: a context line, the record as canonical JSON, and their hash.

Each version's format is frozen: the fields are listed here, not read from the schema, and ``tests/data/ledger`` holds
vectors. Another set of fields is another version with another context line; another kind of record is another line
too, and needs no new version. Pure; imports canonical JSON only.

The text is put together field by field because this runs for every request; it is what `canonical.canonical` makes
of the same values (a test compares the two).
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from audit.canonical import MAX_INTEGER, canonical, number, quoted

VERSIONS = {1: ("decision", "outcome"), 2: ("decision", "outcome", "policy", "tombstone")}
"""The kinds of record that each version knows."""
NEWEST = 2
"""What is written."""
KINDS = VERSIONS[NEWEST]
CONTEXTS = {
    (version, kind): f"coatcheck/ledger/v{version}/{kind}\n".encode()
    for version, kinds in VERSIONS.items()
    for kind in kinds
}
"""The leaf's first line: the same JSON elsewhere, of another kind or another version, is another leaf."""

_HASH_PREFIX = {key: sha256(b"\x00" + context) for key, context in CONTEXTS.items()}


def _string(value: Any) -> str:
    return quoted(str(value))


def _integer(value: Any) -> str:
    """As RFC 8785 advises: an integer that JSON readers would round is a string."""
    exact = operator.index(value)
    return str(exact) if -MAX_INTEGER <= exact <= MAX_INTEGER else f'"{exact}"'


def _real(value: Any) -> str:
    return number(float(value))


def _truth(value: Any) -> str:
    return "true" if value else "false"


def _moment(value: dt.datetime) -> str:
    """UTC with six decimals and a Z."""
    return f'"{value.astimezone(dt.UTC).isoformat(timespec="microseconds")[:-6]}Z"'


type _Writer = Callable[[Any], str]

WRITERS: dict[str, _Writer] = {
    "text": _string,
    "integer": _integer,
    "real": _real,
    "truth": _truth,
    "moment": _moment,
}
"""How a value of each type is written: who reads columns back needs to know which type each is."""

_DECISION_1: dict[str, _Writer] = {
    "action": _string,
    "client_address": _string,
    "detect_ms": _real,
    "detector_version": _string,
    "endpoint": _string,
    "http_method": _string,
    "id": _string,
    "mode": _string,
    "model": _string,
    "placeholders": _integer,
    "policy_hash": _string,
    "principal": _string,
    "process": _string,
    "proxy_user": _string,
    "reason": _string,
    "request_bytes": _integer,
    "route": _string,
    "rule": _string,
    "segments": _integer,
    "seq": _integer,
    "server_address": _string,
    "stream": _truth,
    "tenant": _string,
    "time": _moment,
    "total_ms": _real,
    "upstream": _string,
    "would_action": _string,
}
_DECISION_ADDED_2: dict[str, _Writer] = {
    "destination_country": _string,
    "model_version": _string,
    "operation": _string,
    "provider": _string,
    "shape": _string,
    "time_source": _string,
    "user_agent_family": _string,
}
FINDING_FIELDS: dict[str, _Writer] = {
    "action": _string,
    "count": _integer,
    "entity": _string,
    "max_score": _real,
    "path": _string,
    "recognizer": _string,
    "role": _string,
}
_OUTCOME_1: dict[str, _Writer] = {
    "complete": _truth,
    "decision_id": _string,
    "decision_seq": _integer,
    "error": _string,
    "first_byte_ms": _real,
    "input_tokens": _integer,
    "output_tokens": _integer,
    "placeholders_mangled": _integer,
    "placeholders_restored": _integer,
    "placeholders_seen": _integer,
    "placeholders_unknown": _integer,
    "response_bytes": _integer,
    "response_model": _string,
    "seq": _integer,
    "status": _integer,
    "time": _moment,
    "upstream_ms": _real,
}
_OUTCOME_ADDED_2: dict[str, _Writer] = {
    "cost": _real,
    "currency": _string,
    "finish_reason": _string,
    "gateway_ms": _real,
    "placeholders_withheld": _integer,
    "response_findings": _string,
    "restore_ms": _real,
}
POLICY_FIELDS: dict[str, _Writer] = {
    "hash": _string,
    "id": _string,
    "policy": _string,
    "seq": _integer,
    "tenant": _string,
    "time": _moment,
}
TOMBSTONE_FIELDS: dict[str, _Writer] = {
    "count": _integer,
    "id": _string,
    "note": _string,
    "reason": _string,
    "seq": _integer,
    "time": _moment,
}

DECISION_FIELDS = _DECISION_1 | _DECISION_ADDED_2
"""The newest version's; older versions have fewer."""
OUTCOME_FIELDS = _OUTCOME_1 | _OUTCOME_ADDED_2

ADDED: dict[str, dict[str, Any]] = {
    "decision": dict.fromkeys(_DECISION_ADDED_2) | {"time_source": "unknown", "model_version": "", "shape": "[]"},
    "outcome": dict.fromkeys(_OUTCOME_ADDED_2) | {"placeholders_withheld": 0, "response_findings": "[]"},
}
"""What version 2 added, and what these columns hold in a row of version 1: what migrating put there."""


def _plan(fields: Mapping[str, _Writer], *, beside: str = "") -> list[tuple[str, str, _Writer | None]]:
    """Key, ``,"key":`` and how its value is written, in canonical order; None where ``beside`` has its place."""
    names = sorted([*fields, beside] if beside else fields)
    commas = ["", *[","] * (len(names) - 1)]
    return [(name, f'{comma}"{name}":', fields.get(name)) for comma, name in zip(commas, names, strict=True)]


_DECISION = {
    1: _plan(_DECISION_1, beside="findings"),
    2: _plan(DECISION_FIELDS, beside="findings"),
}
_FINDING = _plan(FINDING_FIELDS, beside="fingerprints")
_OUTCOME = {1: _plan(_OUTCOME_1), 2: _plan(OUTCOME_FIELDS)}
_POLICY = _plan(POLICY_FIELDS)
_TOMBSTONE = _plan(TOMBSTONE_FIELDS)


def _object(plan: Sequence[tuple[str, str, _Writer | None]], values: Mapping[str, Any], nested: str = "") -> str:
    parts = ["{"]
    for name, lead, write in plan:
        parts.append(lead)
        if write is None:
            parts.append(nested)
        else:
            value = values[name]
            parts.append("null" if value is None else write(value))
    parts.append("}")
    return "".join(parts)


def decision_json(
    values: Mapping[str, Any], findings: Sequence[tuple[Mapping[str, Any], Sequence[str]]], version: int = NEWEST
) -> bytes:
    """Canonical JSON of a decision: its columns with ``seq``, and its findings (columns and fingerprints) in order.

    ``values`` are what is stored: text as `audit.rows.storable` left it, the id in its canonical form. Raises
    ValueError or TypeError for what cannot be recorded exactly (infinities, a fraction where a count belongs).
    """
    inner = [_object(_FINDING, finding, f"[{','.join(map(_string, prints))}]") for finding, prints in findings]
    return _object(_DECISION[version], values, f"[{','.join(inner)}]").encode("utf-8")


def outcome_json(values: Mapping[str, Any], version: int = NEWEST) -> bytes:
    """Canonical JSON of an outcome: its columns and its decision's id. As `decision_json`."""
    return _object(_OUTCOME[version], values).encode("utf-8")


def policy_json(values: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a policy: its columns. As `decision_json`."""
    return _object(_POLICY, values).encode("utf-8")


def tombstone_json(values: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a tombstone: its columns. As `decision_json`."""
    return _object(_TOMBSTONE, values).encode("utf-8")


def leaf_hash(kind: str, record: bytes, version: int = NEWEST) -> bytes:
    """The leaf's hash: SHA-256 of 0x00 (RFC 9162), the context line, the canonical JSON.

    Raises KeyError for a kind that the version does not know.
    """
    state = _HASH_PREFIX[version, kind].copy()
    state.update(record)
    return state.digest()


def leaf_hash_of(kind: str, record: Mapping[str, Any], version: int = NEWEST) -> bytes:
    """The same from a record as JSON readers give it. Raises ValueError if it cannot be canonical JSON."""
    return leaf_hash(kind, canonical(record), version)

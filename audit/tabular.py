"""Answers as files that other programs read: CSV that no spreadsheet takes for formulas, and JSON. Pure.

A cell that begins with one of ``= + - @``, a tab or a carriage return is a formula to spreadsheets (OWASP, "CSV
injection"): an apostrophe goes before it. Numbers that were recorded as numbers stay as they are.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audit.query import Record
from audit.times import iso
from audit.visible import visible

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(value: object) -> object:
    """A cell: text that a spreadsheet would run gets an apostrophe; None is empty; times are ISO 8601 in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return iso(value)
    if isinstance(value, str):
        # First as it came: what hides behind an escape was a formula's beginning, too.
        return ("'" if value.startswith(FORMULA_STARTS) else "") + visible(value)
    return value


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """Lines without their end; RFC 4180 quoting, and no line break inside a cell, since these are shown escaped."""
    yield _line(header)
    for row in rows:
        yield _line([guarded(cell) for cell in row])


def _line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


_DECISION = (
    "id", "time", "tenant", "principal", "proxy_user", "client_address", "upstream", "endpoint", "provider",
    "operation", "model", "action", "rule", "reason", "route", "destination_country", "mode", "would_action",
    "stream", "request_bytes", "segments", "placeholders", "policy_hash", "detector_version", "model_version",
    "process", "server_address", "http_method", "user_agent_family", "time_source", "detect_ms", "total_ms",
)  # fmt: skip
_OUTCOME = (
    "status", "error", "complete", "finish_reason", "response_model", "input_tokens", "output_tokens", "cost",
    "currency", "placeholders_seen", "placeholders_restored", "placeholders_unknown", "placeholders_mangled",
    "placeholders_withheld", "response_bytes", "first_byte_ms", "upstream_ms", "restore_ms", "gateway_ms",
)  # fmt: skip
RECORD_HEADER = ("seq", *_DECISION, "entities", "state", *_OUTCOME)


def record_row(record: Record) -> list[object]:
    """One record as the cells of `RECORD_HEADER`; entities as ``PERSON:3 EMAIL_ADDRESS:1``."""
    found: dict[str, int] = {}
    for finding in record.decision.findings:
        found[finding.entity] = found.get(finding.entity, 0) + finding.count
    ended = (None,) * len(_OUTCOME) if record.outcome is None else [getattr(record.outcome, one) for one in _OUTCOME]
    return [
        record.seq,
        *(getattr(record.decision, one) for one in _DECISION),
        " ".join(f"{entity}:{count}" for entity, count in found.items()),
        str(record.state),
        *ended,
    ]


def plain(value: Any) -> Any:
    """A value of statistics as JSON has it: objects, numbers, ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, dt.datetime):
        return iso(value)
    if isinstance(value, float):
        return round(value, 6)
    return value

"""The list of records, one record's page and what is downloaded from it, and everything with the same fingerprint."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from audit.query import Query, Record, State
from audit.records import Decision, Finding, Outcome
from audit.render import as_mapping
from audit.schema import ACTIONS
from audit.statistics import Dimension, Statistics
from audit.visible import visible
from audit.web import charts
from audit.web.pages import clean, desk_of, download, filters_of, note_read, reader_of, render, signed_in, soft
from audit.web.parameters import Filters, PageFilters
from audit.web.problems import Refused

router = APIRouter(include_in_schema=False)

TEXTS_FIRST = ("entity", "fingerprint", "caller", "endpoint", "model", "rule")
TEXTS_MORE = (
    "recognizer", "role", "path", "tenant", "principal", "upstream", "route", "provider", "operation",
    "destination_country", "reason", "mode", "would_action", "policy_hash", "detector_version", "model_version",
    "process", "server_address", "http_method", "user_agent_family", "error", "finish_reason", "where",
)  # fmt: skip
_SUGGESTED = (Dimension.ENTITY, Dimension.ENDPOINT, Dimension.MODEL, Dimension.RULE)
_COUNTING_S = 1.0
"""How long the page may count what a filter admits; past it the list has no count."""
_NAME = re.compile(r"[0-9a-fA-F-]{1,36}")
_HASH = re.compile(r"[0-9A-Za-z]{4,64}")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text of the request: where it stood and how long it was, and what was found in it."""

    path: str
    role: str
    segments: int | None
    characters: int | None
    findings: Sequence[Finding]


@router.get("/records")
def list_records(request: Request) -> Response:
    """Records by filters, the newest first."""
    identity = signed_in(request)
    if (cleaned := clean(request)) is not None:
        return cleaned
    filters = filters_of(request, PageFilters)
    given = Filters.given(filters)
    more = {} if filters.before is None else {"before": [str(filters.before)]}
    note_read(request, identity, given | more)
    desk, now = desk_of(request), dt.datetime.now(dt.UTC)
    query = filters.query(now, before=filters.before, limit=filters.limit)
    page = desk.page(query)
    quick = Statistics(desk.database, time_limit_s=_COUNTING_S)
    totals = soft(lambda: quick.totals(query, now=now), None)
    recent = Query(since=now - dt.timedelta(days=30))
    suggested: Any = soft(lambda: quick.facets(recent, _SUGGESTED, 50, now=now), {})
    return render(
        request,
        "records.html",
        identity=identity,
        section="records",
        given=given,
        chips=[(name, value, _without(given, name, value)) for name, values in given.items() for value in values],
        records=page.records,
        found=[found(record.decision) for record in page.records],
        next=page.before,
        before=filters.before,
        total=None if totals is None else totals.decisions,
        actions=ACTIONS,
        states=tuple(State),
        first=TEXTS_FIRST,
        more=TEXTS_MORE,
        suggested={
            str(by): [one.key for one in counts if one.key and visible(one.key) == one.key]
            for by, counts in suggested.items()
        },
    )


def _without(given: Mapping[str, Sequence[str]], name: str, value: str) -> dict[str, list[str]]:
    """The filters without one value."""
    kept = {key: [one for one in values if (key, one) != (name, value)] for key, values in given.items()}
    return {key: values for key, values in kept.items() if values}


def found(decision: Decision) -> list[tuple[str, int]]:
    """Entities and how many values of each."""
    counts: dict[str, int] = defaultdict(int)
    for finding in decision.findings:
        counts[finding.entity] += finding.count
    return list(counts.items())


def _find(request: Request, name: str) -> Record:
    if not _NAME.fullmatch(name):
        raise Refused(404, "not_found", "")
    return desk_of(request).reader.find(name)


@router.get("/records/{name}")
def show_record(request: Request, name: str) -> Response:
    """One record in full."""
    identity = signed_in(request)
    record = _find(request, name)
    decision, outcome = record.decision, record.outcome
    note_read(request, identity, record_id=decision.id)
    return render(
        request,
        "record.html",
        identity=identity,
        section="records",
        record=record,
        d=decision,
        o=outcome,
        segments=segments(decision),
        why=decision.reason.partition(":")[::2],
        parts_of_time=latency(decision, outcome),
        bars=charts.split(latency(decision, outcome)),
        replied=_rows(outcome.response_findings if outcome else "[]", 4),
        policy_known=_HASH.fullmatch(decision.policy_hash) is not None,
        raw=json.dumps(as_mapping(record), ensure_ascii=False, indent=2),
    )


def segments(decision: Decision) -> list[Segment]:
    """The masked shape of the request with the findings at their places; places that only findings name come last."""
    by_place: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in decision.findings:
        by_place[finding.path, finding.role].append(finding)
    listed = []
    for path, role, count, characters in _rows(decision.shape, 4):
        place = (str(path), str(role))
        listed.append(Segment(*place, _whole(count), _whole(characters), by_place.pop(place, [])))
    return listed + [Segment(*place, None, None, findings) for place, findings in by_place.items()]


def _rows(text: str, length: int) -> list[list[Any]]:
    """Rows of canonical JSON; none for text that is not that."""
    try:
        rows = json.loads(text)
    except ValueError:
        return []
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, list) and len(row) == length]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def latency(decision: Decision, outcome: Outcome | None) -> list[tuple[str, float | None]]:
    """Where the time went, in milliseconds, in order."""
    parts: list[tuple[str, float | None]] = [
        ("detect", decision.detect_ms),
        ("decide", max(0.0, decision.total_ms - decision.detect_ms)),
    ]
    if outcome is None:
        return parts
    first, last = outcome.first_byte_ms, outcome.upstream_ms
    parts.append(("first_byte", first))
    parts.append(("reply", None if last is None else max(0.0, last - (first or 0.0))))
    parts.append(("restore", outcome.restore_ms))
    return parts


@router.get("/records/{name}/proof")
def prove_record(request: Request, name: str) -> Response:
    """The proof of inclusion, to keep."""
    identity = signed_in(request)
    record = _find(request, name)
    note_read(request, identity, record_id=record.decision.id)
    return download(desk_of(request).proof(record), f"proof-{record.decision.id}.jsonl", "application/jsonl")


@router.get("/records/{name}/json")
def record_as_json(request: Request, name: str) -> Response:
    """The record as the REST API has it."""
    identity = signed_in(request)
    record = _find(request, name)
    note_read(request, identity, record_id=record.decision.id)
    text = json.dumps(as_mapping(record), ensure_ascii=False, indent=2) + "\n"
    return download(text, f"record-{record.decision.id}.json", "application/json")


@router.get("/fingerprints")
def same_fingerprint(request: Request) -> Response:
    """Everything in which the same value was found."""
    value = request.query_params.get("fingerprint", "").strip()[:1024]
    identity = reader_of(request, {"fingerprint": [value]} if value else {})
    if not value:
        return render(request, "fingerprint.html", identity=identity, section="fingerprints", value="", records=[],
                      found=[], total=None, tops=[], next=None, span=None)  # fmt: skip
    desk, now = desk_of(request), dt.datetime.now(dt.UTC)
    query = Query(fingerprint=(value,), limit=50)
    page = desk.page(query)
    by = (Dimension.ENTITY, Dimension.PROVIDER, Dimension.DESTINATION_COUNTRY, Dimension.PRINCIPAL, Dimension.ACTION)
    quick = Statistics(desk.database, time_limit_s=_COUNTING_S)
    tops: Any = soft(lambda: quick.facets(query, by, 8, now=now), {})
    totals = soft(lambda: quick.totals(query, now=now), None)
    buckets = soft(lambda: quick.timeline(query, now=now), [])
    return render(
        request,
        "fingerprint.html",
        identity=identity,
        section="fingerprints",
        value=value,
        records=page.records,
        found=[found(record.decision) for record in page.records],
        total=None if totals is None else totals.decisions,
        tops=[(str(one), charts.shares(counts)) for one, counts in tops.items() if counts],
        next=page.before,
        span=(buckets[0].start, page.records[0].decision.time) if buckets and page.records else None,
    )

"""The REST API: ``/api/v1``, read-only, for bearers of a token. What it answers with is described at /api/openapi.json.

Every operation that shows records is itself recorded before it is answered. No SQL comes from outside.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from audit.errors import AuditError
from audit.query import Record
from audit.statistics import Dimension, Totals
from audit.web.desk import Desk, log
from audit.web.documents import (
    CheckpointDocument,
    Facets,
    LedgerDocument,
    PolicyDocument,
    RecordDocument,
    RecordList,
    Timeline,
    Top,
    Whoami,
    document,
)
from audit.web.parameters import Filters, PageFilters
from audit.web.problems import MEDIA_TYPE, Problem, Refused
from audit.web.sessions import Identity

bearer = HTTPBearer(auto_error=False, description="A token made with `coatcheck audit token create`.")


def desk_of(request: Request) -> Desk:
    """The server's desk."""
    desk: Desk = request.app.state.desk
    return desk


def bearer_of(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]) -> Identity:
    """Who asks, by the token. Raises Refused."""
    desk = desk_of(request)
    identity = None if given is None else desk.identity_of(given.credentials)
    if identity is None:
        raise Refused(
            401, "unauthorized", "Send a token that holds: Authorization: Bearer cct_...",
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    if wait := desk.too_soon(identity):
        seconds = math.ceil(wait)
        raise Refused(429, "too_many", "Ask less often.", headers={"Retry-After": str(seconds)})
    return identity


def recorded(
    request: Request, identity: Identity, filters: dict[str, list[str]], *, record_id: str | None = None
) -> None:
    """Record a read through the API. Raises Refused."""
    try:
        desk_of(request).record(request, identity, filters, via="api", record_id=record_id)
    except AuditError as error:
        log.error("A read was refused because it could not be recorded: %s", error.message)
        raise Refused(503, "unrecorded", "Reads are recorded, and this one could not be: try later.") from None


type Who = Annotated[Identity, Depends(bearer_of)]
type Here = Annotated[Desk, Depends(desk_of)]
type Filtered = Annotated[Filters, Query()]
type Paged = Annotated[PageFilters, Query()]
RecordName = Annotated[
    str,
    Path(
        description="The record's id, the beginning of one, or its number.",
        pattern=r"^(?:[1-9][0-9]{0,17}|[0-9a-fA-F]{1,32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
    ),
]


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("No token, or one that does not hold."),
    422: _problem("A parameter is wrong."),
    429: _problem("Too many requests."),
    503: _problem("The database cannot answer, the question takes too long, or the read could not be recorded."),
}
NOT_THERE: dict[int | str, dict[str, Any]] = {404: _problem("Not there.")}
NOT_ONE: dict[int | str, dict[str, Any]] = {**NOT_THERE, 409: _problem("More than one record, or no checkpoint yet.")}

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


def _record(desk: Desk, name: str) -> Record:
    return desk.reader.find(name)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@router.get("/records", tags=["records"], response_model=RecordList)
def list_records(request: Request, identity: Who, desk: Here, filters: Paged) -> dict[str, Any]:
    """Records, the newest first, a page at a time."""
    given = filters.given() | {"limit": [str(filters.limit)]}
    recorded(request, identity, given | ({"before": [str(filters.before)]} if filters.before else {}))
    page = desk.page(filters.query(_now(), before=filters.before, limit=filters.limit))
    return {"records": [document(record) for record in page.records], "next": page.before}


@router.get("/records/{id}", tags=["records"], response_model=RecordDocument, responses=NOT_ONE)
def show_record(request: Request, identity: Who, desk: Here, id: RecordName) -> dict[str, Any]:  # noqa: A002
    """One record in full."""
    record = _record(desk, id)
    recorded(request, identity, {}, record_id=record.decision.id)
    return document(record)


PROOF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "For `coatcheck audit verify --proof`.",
        "content": {"application/jsonl": {"schema": {"type": "string"}}},
    }
}


@router.get("/records/{id}/proof", tags=["records"], response_class=Response, responses={**NOT_ONE, **PROOF})
def prove_record(request: Request, identity: Who, desk: Here, id: RecordName) -> Response:  # noqa: A002
    """The proof that a record is in the ledger that was signed; checked offline with the public key."""
    record = _record(desk, id)
    recorded(request, identity, {}, record_id=record.decision.id)
    return Response(desk.proof(record), media_type="application/jsonl")


@router.get("/stats", tags=["statistics"])
def total(request: Request, identity: Who, desk: Here, filters: Filtered) -> Totals:
    """Sums over the records that the filters admit."""
    recorded(request, identity, filters.given())
    return desk.statistics.totals(filters.query(_now()))


class TopFilters(Filters):
    """Filters, and by what to count."""

    by: Dimension = Dimension.ENTITY
    limit: Annotated[int, Query(ge=1, le=200)] = 10


@router.get("/top", tags=["statistics"])
def top(request: Request, identity: Who, desk: Here, filters: Annotated[TopFilters, Query()]) -> Top:
    """The most frequent values of a dimension."""
    recorded(request, identity, filters.given() | {"by": [str(filters.by)]})
    return Top(by=filters.by, keys=desk.statistics.top(filters.query(_now()), filters.by, filters.limit))


class TimelineFilters(Filters):
    """Filters, by what to count, and how long a step is."""

    by: Dimension | None = None
    every: Annotated[int, Query(ge=1, le=525_600)] | None = None
    """Minutes of a step; without it, what gives some dozens of steps."""


@router.get("/timeline", tags=["statistics"])
def timeline(request: Request, identity: Who, desk: Here, filters: Annotated[TimelineFilters, Query()]) -> Timeline:
    """Decisions by time."""
    recorded(request, identity, filters.given() | ({"by": [str(filters.by)]} if filters.by else {}))
    every = None if filters.every is None else dt.timedelta(minutes=filters.every)
    return Timeline(by=filters.by, buckets=desk.statistics.timeline(filters.query(_now()), every, filters.by))


class FacetFilters(Filters):
    """Filters, and the dimensions wanted."""

    dimension: Annotated[list[Dimension], Query(max_length=len(Dimension))] = [Dimension.ACTION, Dimension.ENTITY]  # noqa: RUF012
    limit: Annotated[int, Query(ge=1, le=200)] = 50


@router.get("/facets", tags=["statistics"])
def facets(request: Request, identity: Who, desk: Here, filters: Annotated[FacetFilters, Query()]) -> Facets:
    """The most frequent values of some dimensions under the filters: for menus."""
    recorded(request, identity, filters.given())
    found = desk.statistics.facets(filters.query(_now()), list(dict.fromkeys(filters.dimension)), filters.limit)
    return Facets(facets=dict(found))


PolicyHash = Annotated[str, Path(pattern=r"^[0-9a-f]{6,64}$", description="`policy_hash` of a record.")]


@router.get("/policies/{hash}", tags=["policy"], responses=NOT_THERE)
def policy(request: Request, identity: Who, desk: Here, hash: PolicyHash) -> PolicyDocument:  # noqa: A002
    """The policy that was in force."""
    recorded(request, identity, {})
    return desk.policy(hash)


@router.get("/ledger", tags=["ledger"])
def ledger(request: Request, identity: Who, desk: Here) -> LedgerDocument:
    """Size and newest checkpoint of the ledger."""
    recorded(request, identity, {})
    state = desk.ledger.state()
    checkpoint = None
    if state.note is not None and state.signed_at is not None:
        age = (_now() - state.signed_at).total_seconds()
        checkpoint = CheckpointDocument(size=state.covered, time=state.signed_at, age_s=age, note=state.note)
    key = None if state.public_key is None else str(state.public_key)
    return LedgerDocument(size=state.size, covered=state.covered, checkpoint=checkpoint, public_key=key)


NOTE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A C2SP checkpoint.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/ledger/checkpoint", tags=["ledger"], response_class=Response, responses={**NOT_THERE, **NOTE})
def checkpoint(request: Request, identity: Who, desk: Here) -> Response:
    """The newest signed checkpoint: keep it where nobody who can change the database can change it."""
    recorded(request, identity, {})
    note = desk.ledger.state().note
    if note is None:
        raise Refused(404, "not_found", "Nothing was signed yet.")
    return Response(note, media_type="text/plain")


@router.get("/whoami", tags=["access"])
def whoami(identity: Who) -> Whoami:
    """Whose token this is."""
    return Whoami(name=identity.name, role=str(identity.role), until=identity.until)


SCHEMAS = {"Problem": Problem}
"""Models that only responses written by hand refer to."""

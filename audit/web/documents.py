"""What the REST API answers with, typed. Built from the records' own fields, so that nothing is listed twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from audit.filters import State
from audit.query import Record
from audit.records import Decision, Finding, Outcome
from audit.render import as_mapping
from audit.statistics import Bucket, Count, Dimension

_EXACT = ConfigDict(extra="forbid")


def _model(name: str, of: type, doc: str, **changes: Any) -> Any:
    hints = get_type_hints(of)
    fields: dict[str, Any] = {field.name: (hints[field.name], ...) for field in dataclasses.fields(of)}
    fields |= changes
    for dropped in [key for key, value in fields.items() if value is None]:
        del fields[dropped]
    return create_model(name, __config__=_EXACT, __doc__=doc, **fields)


FindingDocument: Any = _model("Finding", Finding, Finding.__doc__ or "", fingerprints=(list[str], ...))
OutcomeDocument: Any = _model("Outcome", Outcome, Outcome.__doc__ or "", decision_id=None)
RecordDocument: type[BaseModel] = _model(
    "Record",
    Decision,
    "A decision with its findings and its outcome. Text may hold what a client sent as a name: show it as text.",
    seq=(int, Field(description="The database's number: pages are cut by it.")),
    findings=(list[FindingDocument], ...),
    state=(State, Field(description="What became of the request.")),
    outcome=(OutcomeDocument | None, ...),
)


class RecordList(BaseModel):
    """One page of records, the newest first."""

    records: list[RecordDocument]  # type: ignore[valid-type]
    next: int | None = Field(description="`before` of the next page; null if this is the last.")


class Top(BaseModel):
    """The most frequent values of a dimension."""

    by: Dimension
    keys: list[Count]


class Timeline(BaseModel):
    """Decisions by time."""

    by: Dimension | None
    buckets: list[Bucket]


class Facets(BaseModel):
    """The most frequent values of some dimensions under the filters."""

    facets: dict[Dimension, list[Count]]


class PolicyDocument(BaseModel):
    """A policy that was in force."""

    hash: str
    first_seen: dt.datetime
    tenants: list[str]
    policy: Any = Field(description="The policy section of the configuration.")
    genuine: bool | None = Field(
        description="Whether the text has this hash. Null: allow-list entries, which the hash covers, are not recorded."
    )


class CheckpointDocument(BaseModel):
    """A signed checkpoint."""

    size: int
    time: dt.datetime
    age_s: float
    note: str


class LedgerDocument(BaseModel):
    """The state of the ledger."""

    size: int = Field(description="Leaves.")
    covered: int = Field(description="Leaves that the newest checkpoint vouches for.")
    checkpoint: CheckpointDocument | None
    public_key: str | None = Field(
        description="As this server knows it; get it from the gateway's operator to be sure."
    )


class Whoami(BaseModel):
    """Who asks."""

    name: str
    role: str
    until: dt.datetime | None


def document(record: Record) -> dict[str, Any]:
    """A record as `RecordDocument` has it."""
    return as_mapping(record)

"""Errors of the REST API as RFC 9457 problem details. They name the parameter and never repeat what was sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from audit.errors import AuditError

MEDIA_TYPE = "application/problem+json"
_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Fault(BaseModel):
    """One parameter that is wrong."""

    parameter: str = Field(description="Its name; `(unknown)` for one that this operation does not have.")
    detail: str = Field(description="What is wrong, and what is wanted.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="A word for programs, as a URI: `urn:coatcheck:audit:parameter` and so on.")
    title: str
    status: int
    detail: str
    errors: list[Fault] = Field(default_factory=list, description="The parameters that are wrong, if any.")


class Refused(Exception):
    """The request is answered with a problem."""

    def __init__(
        self,
        status: int,
        word: str,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.word = word
        self.detail = detail
        self.faults = list(faults)
        self.headers = headers or {}


TITLES = {
    "unauthorized": "Sign in first",
    "forbidden": "Not with this role",
    "parameter": "A parameter is wrong",
    "not_found": "Not there",
    "method": "Not done that way",
    "ambiguous": "More than one record",
    "uncovered": "Not signed yet",
    "too_many": "Too many requests",
    "too_slow": "The question takes too long",
    "unavailable": "The audit database cannot answer",
    "unrecorded": "The read could not be recorded",
}

STATUS_OF = {"query": 422, "not_found": 404, "ambiguous": 409, "proof": 409, "too_slow": 503, "timeout": 503}
"""HTTP status of an `AuditError`'s code; 503 for all that is not here."""
_WORD_OF = {"query": "parameter", "not_found": "not_found", "ambiguous": "ambiguous", "proof": "uncovered",
            "too_slow": "too_slow", "timeout": "too_slow"}  # fmt: skip


def refusal_of(error: AuditError) -> Refused:
    """The problem for what the audit room raises. Where the database lies is no concern of who asks over HTTP."""
    status = STATUS_OF.get(error.code, 503)
    if status == 503:
        detail = "The question takes too long: narrow the time or drop a filter." if error.code in _WORD_OF else (
            "The audit database cannot be read now; whoever runs this server finds the reason in its log."
        )  # fmt: skip
    else:
        detail = {"not_found": "There is no such record.", "ambiguous": "Give more of the id."}.get(
            error.code, error.message
        )
    return Refused(status, _WORD_OF.get(error.code, "unavailable"), detail)


def faults_of(errors: Sequence[Any]) -> list[Fault]:
    """What pydantic says of parameters, without their values."""
    faults = []
    for error in errors:
        unknown = error.get("type") == "extra_forbidden"
        names = [str(part) for part in error.get("loc", ()) if str(part) not in ("query", "path", "body", "header")]
        plain = bool(names) and not unknown and _PLAIN.fullmatch(names[0]) is not None
        detail = "There is no such parameter." if unknown else _message(error)
        faults.append(Fault(parameter=names[0] if plain else "(unknown)", detail=detail))
    return faults


def _message(error: Any) -> str:
    context = error.get("ctx") or {}
    cause = context.get("error")
    if isinstance(cause, ValueError):
        return str(cause)  # our own words
    return str(error.get("msg", "It is wrong.")).rstrip(".") + "."


def answer(refused: Refused) -> JSONResponse:
    """The response."""
    problem = Problem(
        type=f"urn:coatcheck:audit:{refused.word}",
        title=TITLES[refused.word],
        status=refused.status,
        detail=refused.detail,
        errors=refused.faults,
    )
    return JSONResponse(
        problem.model_dump(), status_code=refused.status, media_type=MEDIA_TYPE, headers=refused.headers
    )


def is_api(request: Request) -> bool:
    """Whether who asks wants problems, not pages."""
    return request.url.path.startswith("/api/")

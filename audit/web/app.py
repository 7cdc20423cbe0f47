"""Puts the server together: REST API, pages, files, errors, and the guard around all of it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from audit.checkpoint import KEY_FILE, load_key
from audit.database import Database, open_database, open_read_only
from audit.errors import AuditError
from audit.note import PublicKey
from audit.query import Reader
from audit.statistics import Statistics
from audit.web import api, oidc, pages, pages_records, problems, signing_in
from audit.web.desk import Desk
from audit.web.guard import Guard
from audit.web.ledger_state import LedgerWatch
from audit.web.oidc_issuer import Issuer
from audit.web.reads import Reads
from audit.web.tokens import TOKEN_FILE, TokenFile

HERE = Path(__file__).parent
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_log = logging.getLogger("coatcheck.audit.web")
_WORDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method"}


def open_desk(
    url: str,
    state: Path,
    *,
    reads_url: str | None = None,
    public_key: PublicKey | None = None,
    issuer: Issuer | None = None,
    tls: bool = False,
    time_limit_s: float = 10.0,
) -> Desk:
    """Open the database twice, to read and to record reads, and the file of tokens. Raises AuditError."""
    database = open_read_only(url)
    return Desk(
        database=database,
        reader=_Limited(database, time_limit_s),
        statistics=Statistics(database, time_limit_s=time_limit_s),
        ledger=LedgerWatch(database, public_key or _own_key(state), time_limit_s),
        reads=Reads(open_database(reads_url or url, create=False)),
        tokens=TokenFile(state / TOKEN_FILE),
        issuer=issuer,
        tls=tls,
        time_limit_s=time_limit_s,
    )


class _Limited(Reader):
    """A reader whose connections end their questions after a while."""

    def __init__(self, database: Database, time_limit_s: float) -> None:
        from audit.web.deadline import limit

        super().__init__(database)
        limit(database.engine, time_limit_s)


def create_app(desk: Desk, hosts: Collection[str] = LOOPBACK) -> Guard:
    """The application, as ASGI."""
    app = build(desk)
    return Guard(app, hosts, tls=desk.tls)


def build(desk: Desk) -> FastAPI:
    """The same without its guard: for tests of the API against its own description."""
    app = FastAPI(
        title="Coatcheck audit",
        version="1",
        description="Read-only. What went where, who sent it, which rule let it.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = desk
    app.include_router(api.router)
    app.include_router(signing_in.router)
    app.include_router(oidc.router)
    app.include_router(pages.router)
    app.include_router(pages_records.router)
    app.mount("/static", _Files(directory=HERE / "static"), name="static")
    app.add_exception_handler(problems.Refused, _refused)
    app.add_exception_handler(AuditError, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    app.openapi = functools.partial(_described, app)  # type: ignore[method-assign]
    return app


class _Files(StaticFiles):
    """Own styles and script: may be kept by the browser for a while."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "max-age=300"
        return response


def _refused(request: Request, error: Exception) -> Response:
    refused = _as_refused(error)
    if refused.status == 503:
        _log.error("%s", error.message if isinstance(error, AuditError) else refused.detail)
    if problems.is_api(request):
        return problems.answer(refused)
    return pages.refused(request, refused)


def _as_refused(error: Exception) -> problems.Refused:
    if isinstance(error, problems.Refused):
        return error
    if isinstance(error, AuditError):
        return problems.refusal_of(error)
    if isinstance(error, RequestValidationError):
        faults = problems.faults_of(error.errors())
        return problems.Refused(422, "parameter", "See `errors`.", faults)
    status = error.status_code if isinstance(error, HTTPException) else 500
    word = _WORDS.get(status, "unavailable")
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return problems.Refused(status, word, "There is nothing here for this request.", headers=headers)


def _failed(request: Request, error: Exception) -> Response:
    # The exception's text may hold what was asked for; its kind is enough to find the place.
    _log.error("A request failed with %s.", type(error).__name__)
    refused = problems.Refused(500, "unavailable", "This server failed; whoever runs it finds the reason in its log.")
    return problems.answer(refused) if problems.is_api(request) else pages.refused(request, refused)


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        parts = schema.setdefault("components", {}).setdefault("schemas", {})
        for name, model in api.SCHEMAS.items():
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.update(described.pop("$defs", {}))
            parts[name] = described
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema


def _own_key(state: Path) -> PublicKey | None:
    try:
        return load_key(state / KEY_FILE).public_key
    except AuditError:
        return None

"""What all pages share: templates, who is signed in, the record of reads; and the overview, ledger and reads pages."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import jinja2
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from audit.errors import AuditError
from audit.query import State
from audit.statistics import Dimension
from audit.visible import visible
from audit.web import charts
from audit.web.desk import Desk, log
from audit.web.parameters import Filters, from_address, pairs_of
from audit.web.problems import TITLES, Refused, faults_of
from audit.web.reads import read_page
from audit.web.sessions import Identity
from audit.web.tokens import Role
from audit.web.words import LANGUAGES, Words, preferred, utc

router = APIRouter(include_in_schema=False)

THEMES = ("auto", "light", "dark")
SESSION_COOKIE = "coatcheck_session"
FORM_COOKIE = "coatcheck_form"
BRIEF = 48
RANGES = ("1h", "24h", "7d", "30d", "365d")
_DEFAULT_RANGE = "7d"


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["show"] = show
    environment.filters["brief"] = brief
    environment.filters["utc"] = utc
    environment.globals["link"] = link
    return environment


def show(value: object) -> str:
    """Recorded text as text: what would act or hide is written as an escape."""
    return "–" if value is None else visible(str(value))


def brief(value: object) -> str:
    """The same for lists; a record's page has it whole."""
    text = show(value)
    return text if len(text) <= BRIEF else text[: BRIEF - 1] + "…"


def link(path: str, given: Mapping[str, Sequence[str]] | None = None, **more: object) -> str:
    """An address of this server with parameters; those of ``more`` replace, None drops."""
    pairs = {name: list(values) for name, values in (given or {}).items()}
    for name, value in more.items():
        pairs.pop(name, None)
        if value is not None:
            pairs[name] = [str(value)]
    query = urlencode(pairs_of(pairs))
    return f"{path}?{query}" if query else path


def desk_of(request: Request) -> Desk:
    """The server's desk."""
    desk: Desk = request.app.state.desk
    return desk


def cookie_name(desk: Desk, name: str) -> str:
    """With TLS the name says that the cookie cannot come from elsewhere (RFC 6265bis, ``__Host-``)."""
    return f"__Host-{name}" if desk.tls else name


def words_for(request: Request) -> Words:
    """In the language of the cookie, else of the browser."""
    chosen = request.cookies.get("coatcheck_language", "")
    return Words(chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", "")))


def who(request: Request) -> Identity | None:
    """Who is signed in. Raises AuditError."""
    desk = desk_of(request)
    return desk.session(request.cookies.get(cookie_name(desk, SESSION_COOKIE)))


def form_cookie(request: Request) -> str:
    """What this browser's forms are bound to: its session, else a cookie of its own; empty if it has neither."""
    desk = desk_of(request)
    cookies = request.cookies
    return cookies.get(cookie_name(desk, SESSION_COOKIE)) or cookies.get(cookie_name(desk, FORM_COOKIE)) or ""


class SignInFirst(Refused):
    """Answered with the sign-in page."""

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", "")


def reader_of(
    request: Request, filters: Mapping[str, Sequence[str]] | None = None, *, record_id: str | None = None
) -> Identity:
    """Who is signed in; that they read this is recorded. Raises Refused, AuditError."""
    identity = signed_in(request)
    note_read(request, identity, filters, record_id=record_id)
    return identity


def signed_in(request: Request) -> Identity:
    """Who is signed in, and does not ask too often. Raises Refused, AuditError."""
    identity = who(request)
    if identity is None:
        raise SignInFirst
    if wait := desk_of(request).too_soon(identity):
        raise Refused(429, "too_many", "", headers={"Retry-After": str(math.ceil(wait))})
    return identity


def note_read(
    request: Request,
    identity: Identity,
    filters: Mapping[str, Sequence[str]] | None = None,
    *,
    record_id: str | None = None,
) -> None:
    """Record that a page is read, before it is shown. Raises Refused."""
    try:
        desk_of(request).record(request, identity, filters or {}, via="page", record_id=record_id)
    except AuditError as error:
        log.error("A page was refused because its reading could not be recorded: %s", error.message)
        raise Refused(503, "unrecorded", "") from None


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page."""
    desk, t = desk_of(request), words_for(request)
    theme = request.cookies.get("coatcheck_theme", "auto")
    cookie, fresh = form_cookie(request), ""
    if not cookie:
        import secrets

        cookie = fresh = secrets.token_urlsafe(24)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    context: dict[str, Any] = {
        "t": t,
        "language": t.tag,
        "languages": LANGUAGES,
        "theme": theme if theme in THEMES else "auto",
        "identity": None,
        "form_token": desk.sessions.form_token(cookie),
        "here": here if request.method == "GET" else "/",
        "section": "",
    }
    text = _templates().get_template(template).render(context | values)
    response = HTMLResponse(text, status_code=status, headers={"vary": "cookie, accept-language"})
    response.headers["content-language"] = t.tag
    if fresh:
        set_cookie(desk, response, FORM_COOKIE, fresh)
    return response


def set_cookie(
    desk: Desk,
    response: Response,
    name: str,
    value: str,
    max_age: int | None = None,
    same_site: Literal["strict", "lax"] = "strict",
) -> None:
    """A cookie that no script reads and no other site's page sends (``lax``: but for links that lead here)."""
    response.set_cookie(
        cookie_name(desk, name), value, max_age=max_age, httponly=True, samesite=same_site, secure=desk.tls, path="/"
    )


def sign_in_form(
    request: Request, target: str, *, status: int = 200, wrong: bool = False, failure: str | None = None, **values: Any
) -> Response:
    """The page to sign in. ``wrong``: the token was; ``failure``: key of the words for what the issuer's way led to."""
    issuer = desk_of(request).issuer
    shown = None if issuer is None else issuer.settings.shown
    return render(
        request, "sign_in.html", status=status, next=target, wrong=wrong, failure=failure, issuer=shown, **values
    )


def refused(request: Request, error: Refused) -> Response:
    """The page for an error."""
    if error.status == 401:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return sign_in_form(request, here if request.method == "GET" else "/", status=401)
    try:
        identity = who(request)
    except AuditError:
        identity = None
    word = error.word if error.word in TITLES else "unavailable"
    response = render(request, "error.html", status=error.status, identity=identity, word=word, faults=error.faults)
    response.headers.update(error.headers)
    return response


def clean(request: Request) -> Response | None:
    """The same address without what a form left empty, if it has any: short ones can be shared."""
    pairs = request.query_params.multi_items()
    kept = [(name, value.strip()) for name, value in pairs if value.strip()]
    if len(kept) == len(pairs):
        return None
    return RedirectResponse(f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path, 303)


def filters_of[T: Filters](request: Request, model: type[T]) -> T:
    """The address's parameters. Raises Refused, which names those that are wrong."""
    try:
        return model.model_validate(from_address(request.query_params.multi_items()))
    except ValidationError as error:
        raise Refused(422, "parameter", "", faults_of(error.errors())) from None


def soft(function: Callable[[], Any], otherwise: Any) -> Any:
    """What a function returns; ``otherwise`` if the database takes too long for it."""
    try:
        return function()
    except AuditError as error:
        if error.code not in ("too_slow", "timeout"):
            raise
        return otherwise


_TOPS = (
    Dimension.ENTITY,
    Dimension.PROVIDER,
    Dimension.DESTINATION_COUNTRY,
    Dimension.RULE,
    Dimension.PRINCIPAL,
    Dimension.MODEL,
)
_FAILURES = (State.UNRESOLVED, State.FAILED, State.PENDING)


@router.get("/")
def overview(request: Request) -> Response:
    """Totals, charts, control failures."""
    identity = signed_in(request)
    if (cleaned := clean(request)) is not None:
        return cleaned
    filters = filters_of(request, Filters)
    if filters.since is None and filters.until is None:
        filters = filters.model_copy(update={"since": _DEFAULT_RANGE})
    given = filters.given()
    note_read(request, identity, given)
    desk = desk_of(request)
    now = dt.datetime.now(dt.UTC)
    query = filters.query(now)
    totals = desk.statistics.totals(query, now=now)
    buckets = soft(lambda: desk.statistics.timeline(query, by=Dimension.ACTION, now=now), None)
    tops = soft(lambda: desk.statistics.facets(query, _TOPS, 8, now=now), {})
    refusals = soft(lambda: desk.statistics.top(query, Dimension.REASON, 200, now=now), [])
    errors = [count for count in refusals if (count.key or "").startswith("error:")]
    return render(
        request,
        "overview.html",
        identity=identity,
        section="overview",
        given=given,
        ranges=RANGES,
        totals=totals,
        volume=None if buckets is None else charts.volume(buckets),
        tops=[
            (str(by), charts.shares(counts, findings=by == Dimension.ENTITY)) for by, counts in tops.items() if counts
        ],
        failures=[(str(state), getattr(totals, state)) for state in _FAILURES],
        error_refusals=sum(count.decisions for count in errors),
        errors=errors[:5],
        ledger=desk.ledger.state(),
        now=now,
    )


@router.get("/ledger")
def ledger(request: Request) -> Response:
    """What the ledger holds, and how to verify it."""
    identity = reader_of(request)
    return _ledger_page(request, identity, None)


def _ledger_page(request: Request, identity: Identity, check: Any) -> Response:
    state = desk_of(request).ledger.state()
    now = dt.datetime.now(dt.UTC)
    return render(
        request, "ledger.html", identity=identity, section="ledger", ledger=state, check=check, now=now, here="/ledger"
    )


@router.post("/ledger/check")
async def check_ledger(request: Request) -> Response:
    """Check the ledger from where the last check ended."""
    from starlette.concurrency import run_in_threadpool

    from audit.web.signing_in import form_of

    await form_of(request)
    identity = await run_in_threadpool(reader_of, request)
    check = await run_in_threadpool(desk_of(request).ledger.check)
    return await run_in_threadpool(_ledger_page, request, identity, check)


@router.get("/ledger/checkpoint")
def checkpoint(request: Request) -> Response:
    """The newest checkpoint, to keep."""
    reader_of(request)
    note = desk_of(request).ledger.state().note
    if note is None:
        raise Refused(404, "not_found", "")
    return download(note, "checkpoint.txt", "text/plain")


def download(text: str, name: str, media_type: str) -> Response:
    """A file to keep."""
    safe = re.sub(r"[^A-Za-z0-9.-]", "_", name)
    return Response(text, media_type=media_type, headers={"content-disposition": f'attachment; filename="{safe}"'})


@router.get("/policies/{name}")
def policy(request: Request, name: str) -> Response:
    """A policy that was in force."""
    import json

    identity = reader_of(request)
    found = desk_of(request).policy(name)
    text = json.dumps(found.policy, ensure_ascii=False, indent=2)
    return render(request, "policy.html", identity=identity, section="records", policy=found, text=text)


@router.get("/reads")
def reads(request: Request) -> Response:
    """Who read the record; for the role admin."""
    identity = signed_in(request)
    if identity.role != Role.ADMIN:
        raise Refused(403, "forbidden", "")
    text = request.query_params.get("before", "")
    before = int(text) if re.fullmatch(r"[1-9][0-9]{0,17}", text) else None
    note_read(request, identity, {} if before is None else {"before": [text]})
    found = read_page(desk_of(request).database, before, 51)
    more = found[49].seq if len(found) > 50 else None
    return render(request, "reads.html", identity=identity, section="reads", reads=found[:50], next=more)

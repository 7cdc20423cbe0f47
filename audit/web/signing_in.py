"""Signing in and out at the page, and a browser's preferences: the page's only forms that change anything."""

from __future__ import annotations

import datetime as dt
import math
import time
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from audit.web.pages import (
    SESSION_COOKIE,
    THEMES,
    cookie_name,
    desk_of,
    form_cookie,
    set_cookie,
    sign_in_form,
    who,
)
from audit.web.problems import Refused
from audit.web.words import LANGUAGES

router = APIRouter(include_in_schema=False)
_YEAR = 365 * 86_400


async def form_of(request: Request) -> FormData:
    """The form that was sent, if this server made it for this browser. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(403, "forbidden", "")
    form = await request.form(max_files=0, max_fields=20)
    cookie = form_cookie(request)
    if not cookie or not desk_of(request).sessions.is_form_token(str(form.get("form_token", "")), cookie):
        raise Refused(403, "forbidden", "")
    return form


def local(target: str) -> str:
    """An address on this server; the overview in place of any other."""
    parts = urlsplit(target)
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain and not parts.scheme and not parts.netloc and target.isprintable() else "/"


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The form, or the overview for who is signed in."""
    target = local(request.query_params.get("next", "/"))
    if who(request) is not None:
        return RedirectResponse(target, 303)
    return sign_in_form(request, target)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in with a token."""
    form = await form_of(request)
    desk = desk_of(request)
    target = local(str(form.get("next", "/")))
    identity = await run_in_threadpool(desk.identity_of, str(form.get("token", "")).strip())
    if identity is None:
        client = "" if request.client is None else request.client.host
        if wait := desk.signing_in.wait(client, time.monotonic()):
            raise Refused(429, "too_many", "", headers={"Retry-After": str(math.ceil(wait))})
        return await run_in_threadpool(sign_in_form, request, target, status=401, wrong=True, here="/")
    response = RedirectResponse(target, 303)
    set_cookie(desk, response, SESSION_COOKIE, desk.sessions.begin(identity, dt.datetime.now(dt.UTC)))
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    await form_of(request)
    desk = desk_of(request)
    name = cookie_name(desk, SESSION_COOKIE)
    identity = desk.sessions.find(request.cookies.get(name, ""), dt.datetime.now(dt.UTC))
    desk.sessions.end(request.cookies.get(name, ""))
    by_issuer = desk.issuer is not None and identity is not None and identity.token_id is None
    response = RedirectResponse("/signed-out" if by_issuer else "/sign-in", 303)
    response.delete_cookie(name, path="/", secure=desk.tls, httponly=True, samesite="strict")
    return response


@router.post("/preferences")
async def prefer(request: Request) -> Response:
    """Language and colours of this browser."""
    form = await form_of(request)
    response = RedirectResponse(local(str(form.get("next", "/"))), 303)
    for name, known in (("language", LANGUAGES), ("theme", THEMES)):
        value = str(form.get(name, ""))
        if value in known:
            response.set_cookie(
                f"coatcheck_{name}", value, max_age=_YEAR, httponly=True, samesite="strict",
                secure=desk_of(request).tls, path="/",
            )  # fmt: skip
    return response

"""Signing in through the issuer: off to it, back with a code, and out again: a code, PKCE, state, nonce.

What is remembered between going and coming back lies in memory, once usable, bound to the browser by a cookie that is
SameSite=Lax, because the way back begins on the issuer's page. The session's own cookie stays SameSite=Strict: so the
answer to the code is a page that leads on by itself, not a redirect, along which browsers would not send that cookie.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
import time
from typing import NoReturn

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from audit.web.desk import Desk, log
from audit.web.oidc_claims import SignInFailed
from audit.web.oidc_flows import LASTS_S, Flow
from audit.web.oidc_settings import CALLBACK
from audit.web.pages import SESSION_COOKIE, cookie_name, desk_of, render, set_cookie, sign_in_form
from audit.web.problems import Refused
from audit.web.signing_in import local
from audit.web.tokens import hash_of

router = APIRouter(include_in_schema=False)
COOKIE = "coatcheck_oidc"
MAX_CODE = 4096
_STATUS = {"denied": 403, "lost": 400, "untrusted": 401, "no_role": 403, "unreachable": 503}


@router.get("/sign-in/oidc")
def go(request: Request) -> Response:
    """To the issuer."""
    desk, target = desk_of(request), local(request.query_params.get("next", "/"))
    if desk.issuer is None:
        _nothing_here()
    client = "" if request.client is None else request.client.host
    if wait := desk.flows.beginning.wait(client, time.monotonic()):
        raise Refused(429, "too_many", "", headers={"Retry-After": str(math.ceil(wait))})
    cookie = request.cookies.get(cookie_name(desk, COOKIE)) or secrets.token_urlsafe(24)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    back = desk.issuer.settings.redirect_uri or _own_address(request, desk)
    state = desk.flows.begin(Flow(hash_of(cookie), nonce, verifier, back, target, time.monotonic()))
    try:
        address = desk.issuer.authorization_address(back, state, nonce, verifier)
    except SignInFailed as error:
        return _failed(request, error, target)
    response = RedirectResponse(address, 303)
    set_cookie(desk, response, COOKIE, cookie, max_age=LASTS_S, same_site="lax")
    return response


@router.get(CALLBACK)
def come_back(request: Request) -> Response:
    """From the issuer: with a code, or with an error."""
    desk = desk_of(request)
    if desk.issuer is None:
        _nothing_here()
    target = "/"
    try:
        browser = hash_of(request.cookies.get(cookie_name(desk, COOKIE), ""))
        flow = desk.flows.take(_one(request, "state") or "", browser, time.monotonic())
        if flow is None:
            raise SignInFailed("lost", "a state that is unknown, too old, used before or another browser's")
        target = flow.target
        if not desk.issuer.names_itself(_one(request, "iss")):
            raise SignInFailed("untrusted", "the answer is of another issuer (RFC 9207)")
        if "error" in request.query_params:
            raise SignInFailed("denied", "the issuer answered with an error instead of a code")
        code = _one(request, "code")
        if not code:
            raise SignInFailed("lost", "the issuer's answer has no code")
        identity = desk.issuer.redeem(code, flow.verifier, flow.redirect_uri, flow.nonce)
    except SignInFailed as error:
        return _failed(request, error, target)
    response = render(request, "signed_in.html", next=target, here="/")
    response.headers["referrer-policy"] = "no-referrer"
    desk.sessions.end(request.cookies.get(cookie_name(desk, SESSION_COOKIE), ""))
    set_cookie(desk, response, SESSION_COOKIE, desk.sessions.begin(identity, dt.datetime.now(dt.UTC)))
    return response


@router.get("/signed-out")
def signed_out(request: Request) -> Response:
    """Where signing out ends for who came through the issuer."""
    issuer = desk_of(request).issuer
    if issuer is None:
        _nothing_here()
    return render(
        request, "signed_out.html", name=issuer.settings.shown, elsewhere=issuer.end_session_address(), here="/sign-in"
    )


def _failed(request: Request, error: SignInFailed, target: str) -> Response:
    log.warning("A sign-in through the issuer failed: %s.", error.what)
    response = sign_in_form(
        request, status=_STATUS[error.reason], target=target, failure=f"sign_in.oidc.{error.reason}", here="/sign-in"
    )
    response.headers["referrer-policy"] = "no-referrer"
    return response


def _own_address(request: Request, desk: Desk) -> str:
    # The guard let this Host pass, and the issuer knows which addresses are this client's.
    return f"{'https' if desk.tls else 'http'}://{request.headers['host']}{CALLBACK}"


def _one(request: Request, name: str) -> str | None:
    """A parameter that stands there once."""
    found = request.query_params.getlist(name)
    return found[0] if len(found) == 1 and len(found[0]) <= MAX_CODE else None


def _nothing_here() -> NoReturn:
    raise Refused(404, "not_found", "")

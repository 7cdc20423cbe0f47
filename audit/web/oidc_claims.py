"""Judges an ID token (OpenID Connect Core 1.0, 3.1.3.7) and says who it makes of its bearer. Pure.

Every refusal carries one word of a closed list for the log: which part of the token it was, and nothing of its content.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from audit.web.oidc_settings import Claim, OidcSettings
from audit.web.sessions import Identity
from audit.web.tokens import Role

KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}
"""The algorithms that are taken, and their keys."""
MAX_TOKEN = 32 * 1024
MAX_AGE_S = 600
"""Seconds since the token was issued: a sign-in takes no longer."""
_CLAIMS = ("iss", "sub", "aud", "exp", "nbf", "iat", "auth_time", "nonce", "azp", "at_hash", "amr")
_SMALLEST_RSA = 2048 // 8


class SignInFailed(Exception):
    """``reason``: what the page says (``denied``, ``lost``, ``untrusted``, ``no_role``, ``unreachable``); ``what``:
    the log."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what


class UnknownKey(SignInFailed):
    """No key of the issuer's signed this: it may have new ones."""

    def __init__(self) -> None:
        super().__init__("untrusted", "the ID token: no key of the issuer fits it")


def verified(
    text: str, keys: Sequence[Mapping[str, Any]], settings: OidcSettings, *, nonce: str, access_token: str | None,
    now: dt.datetime,
) -> Mapping[str, Any]:  # fmt: skip
    """The claims of an ID token that is signed by one of the issuer's keys, for this client and this sign-in, now.

    Raises SignInFailed; UnknownKey if other keys of the issuer might fit.
    """
    from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
    from joserfc import jwk, jws, jwt
    from joserfc.errors import JoseError

    if len(text) > MAX_TOKEN:
        raise _untrusted("length")
    try:
        header = jws.extract_compact(text.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError):
        raise _untrusted("form") from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise _untrusted("alg")
    try:
        key = jwk.import_key(dict(_key(keys, algorithm, header.get("kid"))))
        token = jwt.decode(text, key, algorithms=list(KEY_TYPES))
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _untrusted("signature") from None
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"essential": True, "value": settings.issuer}, "aud": {"essential": True, "value": settings.client_id}},
        {"nonce": nonce, "client_id": settings.client_id, "access_token": access_token},
    )
    moment = int(now.timestamp())
    try:
        claims.validate(moment, settings.clock_skew_s)
    except JoseError as error:
        claim = getattr(error, "claim", None)
        raise _untrusted(claim if claim in _CLAIMS else "claims") from None
    except (ValueError, TypeError, AttributeError):
        raise _untrusted("claims") from None
    if claims["iat"] < moment - MAX_AGE_S - settings.clock_skew_s:
        raise _untrusted("iat")
    return dict(claims)


def identity_of(claims: Mapping[str, Any], settings: OidcSettings, now: dt.datetime) -> Identity:
    """Who these claims make of their bearer. Raises SignInFailed."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isprintable():
        raise _untrusted("sub")
    role = role_of(claims, settings)
    if role is None:
        raise SignInFailed("no_role", "the issuer vouches for somebody whom the configuration gives no role")
    return Identity(
        name=f"oidc:{subject}",
        role=role,
        token_id=None,
        until=now + dt.timedelta(minutes=settings.session_minutes),
        shown=_shown(claims),
    )


def role_of(claims: Mapping[str, Any], settings: OidcSettings) -> Role | None:
    """The role; None: not let in."""
    if settings.allow is not None and not (
        _email_domain(claims) in {domain.lower() for domain in settings.allow.email_domains}
        or _texts(claims, settings.allow.group_claim) & set(settings.allow.groups)
    ):
        return None
    values = set() if settings.role_claim is None else _texts(claims, settings.role_claim)
    if values & set(settings.roles.admin):
        return Role.ADMIN
    if values & set(settings.roles.auditor):
        return Role.AUDITOR
    return None if settings.default_role is None else Role(settings.default_role)


def _untrusted(part: str) -> SignInFailed:
    return SignInFailed("untrusted", f"the ID token: {part}")


def _key(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> Mapping[str, Any]:
    fitting = [
        key
        for key in keys
        if key.get("kty") == KEY_TYPES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:  # without a kid there is to be one key alone (OpenID Connect Core 1.0, 10.1)
        raise UnknownKey
    if algorithm == "RS256" and _length(fitting[0].get("n")) < _SMALLEST_RSA:
        raise _untrusted("a key of less than 2048 bits")
    return fitting[0]


def _length(number: object) -> int:
    if not isinstance(number, str):
        return 0
    return len(base64.urlsafe_b64decode(number + "=" * (-len(number) % 4)).lstrip(b"\0"))


def _texts(claims: Mapping[str, Any], claim: Claim) -> set[str]:
    value: Any = claims
    for name in (claim,) if isinstance(claim, str) else claim:
        value = value.get(name) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return {one for one in values if isinstance(one, str)}


def _email_domain(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return None
    return email.rpartition("@")[2].lower() or None


def _shown(claims: Mapping[str, Any]) -> str | None:
    for name in ("preferred_username", "email", "name"):
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:60]
    return None

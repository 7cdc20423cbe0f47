"""Speaks with the one issuer that the configuration names: discovery, keys, redeeming a code. No redirects, no proxies.

Discovery (OpenID Connect Discovery 1.0) may only name addresses of the issuer's own host, or of ``endpoint_hosts``.
What the issuer answers is read up to a length and a time; none of it reaches a log.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from audit.errors import AuditError
from audit.web.oidc_claims import SignInFailed, UnknownKey, identity_of, verified
from audit.web.oidc_settings import OidcSettings, safe_address
from audit.web.rates import Rates
from audit.web.sessions import Identity

MAX_ANSWER = 256 * 1024
TIMEOUT_S = 5.0
METADATA_LASTS_S = 3600.0
KEYS_LAST_S = 900.0
FAILURE_LASTS_S = 5.0
"""After a failure nobody asks again for so long: an issuer that hangs is not to hold all threads."""
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("end_session_endpoint",)


class Issuer:
    """Safe to use from several threads."""

    def __init__(self, settings: OidcSettings, secret: str | None) -> None:
        """Raises AuditError if the libraries or ``ca_file`` are not there."""
        try:
            import authlib.oauth2.rfc7636  # type: ignore[import-untyped]
            import authlib.oidc.core  # type: ignore[import-untyped]
        except ImportError:
            raise AuditError("missing", "--oidc needs authlib: pip install 'coatcheck[audit]'.") from None
        self.settings = settings
        self._secret = secret
        self._http = _client(settings)
        self._challenge: Callable[[str], str] = authlib.oauth2.rfc7636.create_s256_code_challenge
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] | None = None
        self._metadata_until = 0.0
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._keys_until = 0.0
        self._failed_until = 0.0
        self._renewals = Rates(1 / 30, 3)
        """An ID token with an unknown key leads to a look at the issuer's keys, but not each."""

    def authorization_address(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in (RFC 7636: S256). Raises SignInFailed."""
        address = self._discovered()["authorization_endpoint"]
        given = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": self._challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(given)}"

    def names_itself(self, given: str | None) -> bool:
        """Whether the ``iss`` that came with a code is this issuer's (RFC 9207), or need not be there."""
        if given is None:
            return self._discovered().get("authorization_response_iss_parameter_supported") is not True
        return given == self.settings.issuer

    def redeem(self, code: str, verifier: str, redirect_uri: str, nonce: str) -> Identity:
        """Who signed in. Raises SignInFailed."""
        answer = self._token(code, verifier, redirect_uri)
        text, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(text, str):
            raise SignInFailed("untrusted", "the issuer's token endpoint gave no ID token")
        now = dt.datetime.now(dt.UTC)
        access = access if isinstance(access, str) else None

        def judged(keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
            return verified(text, keys, self.settings, nonce=nonce, access_token=access, now=now)

        try:
            claims = judged(self._signing_keys())
        except UnknownKey:
            if self._renewals.wait("", time.monotonic()):
                raise
            claims = judged(self._signing_keys(renew=True))
        return identity_of(claims, self.settings, now)

    def end_session_address(self) -> str | None:
        """Where one signs out of the issuer itself, if it said so; asks nobody."""
        address = (self._metadata or {}).get("end_session_endpoint")
        if not isinstance(address, str):
            return None
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({'client_id': self.settings.client_id})}"

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _token(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        metadata = self._discovered()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
                "code_verifier": verifier}  # fmt: skip
        headers = {}
        methods = metadata.get("token_endpoint_auth_methods_supported")
        if self._secret is None:
            form["client_id"] = self.settings.client_id
        elif isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods:
            form |= {"client_id": self.settings.client_id, "client_secret": self._secret}
        else:  # RFC 6749, 2.3.1: both are form-encoded first
            pair = f"{quote_plus(self.settings.client_id)}:{quote_plus(self._secret)}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        request = self._http.build_request("POST", metadata["token_endpoint"], data=form, headers=headers)
        return self._ask(request, "token endpoint", refusal="untrusted")

    def _discovered(self) -> Mapping[str, Any]:
        def fetch() -> None:
            address = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = self._ask(self._http.build_request("GET", address), "discovery document")
            self._metadata = self._checked(found)
            self._metadata_until = time.monotonic() + METADATA_LASTS_S

        self._renewed(lambda: time.monotonic() < self._metadata_until, fetch)
        assert self._metadata is not None
        return self._metadata

    def _signing_keys(self, *, renew: bool = False) -> Sequence[Mapping[str, Any]]:
        metadata = self._discovered()

        def fetch() -> None:
            found = self._ask(self._http.build_request("GET", metadata["jwks_uri"]), "keys").get("keys")
            if not isinstance(found, list):
                raise SignInFailed("unreachable", "the issuer's keys are no JSON Web Key Set")
            self._keys = [key for key in found if isinstance(key, dict)]
            self._keys_until = time.monotonic() + KEYS_LAST_S

        self._renewed(lambda: not renew and time.monotonic() < self._keys_until, fetch)
        return self._keys

    def _renewed(self, fresh: Callable[[], bool], fetch: Callable[[], None]) -> None:
        if fresh():
            return
        if time.monotonic() < self._failed_until or not self._lock.acquire(timeout=TIMEOUT_S):
            raise SignInFailed("unreachable", "the issuer did not answer a moment ago")
        try:
            if not fresh():
                fetch()
        except SignInFailed:
            self._failed_until = time.monotonic() + FAILURE_LASTS_S
            raise
        finally:
            self._lock.release()

    def _checked(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        if found.get("issuer") != self.settings.issuer:
            raise SignInFailed("unreachable", "the discovery document is another issuer's: `issuer` is to be the same")
        allowed = {
            _place(self.settings.issuer),
            *(("https", host.lower(), 443) for host in self.settings.endpoint_hosts),
        }
        for name in (*_NEEDED, *_OPTIONAL):
            address = found.get(name)
            if address is None and name in _OPTIONAL:
                continue
            try:
                if not isinstance(address, str) or _place(safe_address(address, name)) not in allowed:
                    raise ValueError
            except ValueError:
                raise SignInFailed(
                    "unreachable",
                    f"{name} of the discovery document is missing, or not on the issuer's host (see endpoint_hosts)",
                ) from None
        return found

    def _ask(self, request: httpx.Request, what: str, *, refusal: str = "unreachable") -> Mapping[str, Any]:
        request.headers["accept"] = "application/json"
        deadline = time.monotonic() + 2 * TIMEOUT_S
        body = bytearray()
        try:
            response = self._http.send(request, stream=True)
            try:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER or time.monotonic() > deadline:
                        raise SignInFailed("unreachable", f"the issuer's {what} is too long or too slow")
            finally:
                response.close()
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise SignInFailed("unreachable", f"the issuer's {what} cannot be had ({kind})") from None
        if response.status_code != 200:
            reason = refusal if 400 <= response.status_code < 500 else "unreachable"
            raise SignInFailed(reason, f"the issuer's {what} answered with status {response.status_code}")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise SignInFailed("unreachable", f"the issuer's {what} is no JSON object")
        return found


@functools.cache
def _trusting() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _client(settings: OidcSettings) -> httpx.Client:
    verify = _trusting()
    if settings.ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(settings.ca_file))
        except OSError:
            raise AuditError("key", f"ca_file: {settings.ca_file} cannot be read as certificates in PEM.") from None
    return httpx.Client(verify=verify, trust_env=False, follow_redirects=False, timeout=TIMEOUT_S)


def _place(address: str) -> tuple[str, str, int]:
    parts = urlsplit(address)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)

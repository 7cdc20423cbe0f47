"""Entries by HTTPS POST: a batch as JSON lines (CEF: text lines), with an idempotency key and an HMAC signature.

Accepted is what was answered with 2xx. Redirects are not followed, proxies of the environment are not used.
"""

from __future__ import annotations

import hmac
import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult

import httpx

from audit.errors import AuditError
from audit.exports.manifest import product_version
from audit.tail.batch import Batch, Refused, StreamFormat

_AGAIN = frozenset({408, 409, 425, 429})
"""Client errors that pass. All server errors do."""
_TOO_LARGE = 413
_LONGEST_WAIT_S = 3600.0


class Webhook:
    """One URL."""

    def __init__(
        self,
        url: str,
        *,
        secret: bytes | None = None,
        token: str | None = None,
        ca_file: str | None = None,
        time_limit_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._place = f"webhook at {httpx.URL(url).host}"
        headers = {"user-agent": f"coatcheck/{product_version()}"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        try:
            verify = True if ca_file is None else ssl.create_default_context(cafile=ca_file)
        except OSError:
            raise AuditError("query", "--ca-file holds no certificates that can be read.") from None
        self._client = httpx.Client(
            timeout=time_limit_s, trust_env=False, follow_redirects=False, headers=headers, verify=verify
        )

    def deliver(self, batch: Batch) -> None:
        """Post a batch. Raises Refused."""
        body = "".join(f"{line}\n" for line in batch.lines).encode()
        try:
            answer = self._client.post(self._url, content=body, headers=self._headers(batch, body))
        except httpx.HTTPError as error:
            raise Refused(f"The {self._place} cannot be reached: {type(error).__name__}.") from None
        if answer.is_success:
            return
        status = answer.status_code
        if status == _TOO_LARGE:
            raise Refused(
                f"The {self._place} takes no entry as long as one that it was given (413).", again=False, smaller=True
            )
        again = status >= 500 or status in _AGAIN
        raise Refused(
            f"The {self._place} answered {status}{'' if again else ', which trying again will not change'}.",
            again=again,
            after_s=_retry_after(answer.headers.get("retry-after")) if again else 0.0,
        )

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _headers(self, batch: Batch, body: bytes) -> Mapping[str, str]:
        headers = {
            "content-type": "text/plain; charset=utf-8" if batch.form is StreamFormat.CEF else "application/x-ndjson",
            "idempotency-key": f"coatcheck-{batch.first}-{batch.last}",
            "coatcheck-leaves": f"{batch.first}-{batch.last}",
        }
        if self._secret is not None:
            stamp = str(int(self._clock()))
            headers["coatcheck-timestamp"] = stamp
            headers["coatcheck-signature"] = signature(self._secret, stamp, body)
        return headers


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """``v1=`` and HMAC-SHA-256 (hex) over the time stamp, a full stop and the body."""
    return f"v1={hmac.new(secret, stamp.encode() + b'.' + body, 'sha256').hexdigest()}"


def checked_url(parts: SplitResult) -> str:
    """The URL of a webhook: HTTPS, or plain HTTP to this machine. Raises AuditError."""
    if parts.username or parts.password:
        raise AuditError("query", "--to: no user or password in a URL, where others can read it: use --token-file.")
    if not parts.hostname:
        raise AuditError("query", "--to: the webhook's URL names no host.")
    if parts.scheme == "http" and not _is_local(parts.hostname):
        raise AuditError("query", "--to: plain http is for this machine alone: use https.")
    return parts.geturl()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _retry_after(value: str | None) -> float:
    """Seconds; a date, which would need the other's clock, is passed over."""
    return min(float(value), _LONGEST_WAIT_S) if value is not None and value.isascii() and value.isdigit() else 0.0

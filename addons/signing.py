"""AWS Signature Version 4: when a request's own signature no longer holds, and what it is signed with instead.

Rules for this file: no I/O, no mitmproxy. The arithmetic is botocore's (``SigV4Auth``), imported at the first
signature, so that a gateway without AWS needs no botocore. Reference: IAM user guide, "AWS Signature Version 4 for API
requests".

The gateway cannot check a caller's signature (it has not the caller's secret) and cannot keep one whose body it has
changed. So what it changes goes out under its own keys, with nothing of the caller's: signature, date, session token
and the region set of SigV4A go. What it does not change keeps the caller's signature, and the provider checks it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

type Headers = Sequence[tuple[str, str]]

SCHEME = "AWS4-"
"""How the ``Authorization`` of each variant begins: ``AWS4-HMAC-SHA256``, ``AWS4-ECDSA-P256-SHA256``."""
TOLERANCE_S = 300
"""How far a signature's date may be from AWS's clock, in seconds."""
_SIGNED_NAMES = re.compile(r"SignedHeaders=([^,\s]*)")
_SCOPE = re.compile(r"Credential=([\w-]{4,128})/(\d{8})/([a-z0-9-]{2,40})/([a-z0-9-]{2,40})/aws4_request")
_KEY_ID = re.compile(r"Credential=([\w-]{4,128})/")
_REGION_OF_HOST = re.compile(
    r"(?:^|\.)bedrock(?:-[a-z]+)*\.([a-z]{2}(?:-[a-z]+)+-\d)\."
    r"(?:amazonaws\.com(?:\.cn)?|api\.aws|vpce\.amazonaws\.com(?:\.cn)?)$"
)
_SERVICE = re.compile(r"bedrock(?:-[a-z]+)*\Z")
_OF_THE_OLD_BODY = frozenset({"content-md5", "content-digest", "repr-digest", "digest", "x-amz-trailer"})
_OF_THE_OLD_SIGNATURE = frozenset(
    {"authorization", "x-amz-date", "date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-region-set"}
)


class SigningRefused(Exception):
    """A request cannot go out under a valid signature. ``code`` is stable; ``message`` says what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """An access key of the gateway's own."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """How a caller has signed."""

    signed: frozenset[str]
    """Names of the headers under the signature, in lower case."""
    region: str | None
    service: str | None
    time: dt.datetime | None


def caller_of(headers: Headers) -> Caller | None:
    """The signature in a request's headers; None if there is none (a bearer key, or nothing)."""
    given = {name.lower(): value for name, value in headers}
    value = given.get("authorization", "")
    if not value.startswith(SCHEME):
        return None
    names, scope = _SIGNED_NAMES.search(value), _SCOPE.search(value)
    return Caller(
        frozenset(names[1].lower().split(";")) if names else frozenset(),
        scope[3] if scope else None,
        scope[4] if scope else None,
        _time(given.get("x-amz-date", "")),
    )


def _time(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def is_presigned(target: str) -> bool:
    """True if the signature stands in the query, where it cannot be made anew for the caller."""
    query = target.partition("?")[2]
    return any(
        name.lower() in ("x-amz-signature", "x-amz-credential", "x-amz-algorithm")
        for name, _ in parse_qsl(query, keep_blank_values=True)
    )


def key_id(authorization: str) -> str | None:
    """Whose signature an ``Authorization`` is: the access key's id, which stays while signatures change."""
    found = _KEY_ID.search(authorization) if authorization.startswith(SCHEME) else None
    return found[1] if found else None


def region_of(host: str) -> str | None:
    """The region that a host's name says: ``bedrock-runtime.eu-west-1.amazonaws.com``, a VPC endpoint's name."""
    found = _REGION_OF_HOST.search(host.lower().rstrip("."))
    return found[1] if found else None


def service_of(caller: Caller) -> str:
    """The service to sign for: the caller's, if it is one of Bedrock's."""
    return caller.service if caller.service and _SERVICE.match(caller.service) else "bedrock"


def sign(
    method: str, host: str, target: str, headers: Headers, body: bytes, keys: AwsKeys, *, region: str, service: str
) -> list[tuple[str, str]]:
    """The headers with a signature of ours in place of the caller's. ``host`` as in ``Host``; the payload is signed.

    Signed are ``host``, ``content-type`` and all ``x-amz…``: what proxies on the way may add or change is not.
    Raises SigningRefused ``streaming_payload`` for a body that is signed piece by piece, ``botocore_missing``.
    """
    given = {name.lower(): value for name, value in headers}
    claimed = given.get("x-amz-content-sha256", "")
    if claimed.startswith("STREAMING-") or "aws-chunked" in given.get("content-encoding", ""):
        raise SigningRefused(
            400, "streaming_payload", "A body that is signed chunk by chunk cannot be signed anew; send it whole."
        )
    kept = [(name, value) for name, value in headers if not _is_dropped(name.lower())]
    signed = {n.lower(): v for n, v in kept if n.lower() == "content-type" or n.lower().startswith("x-amz")}
    if claimed:
        signed["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    return kept + _signature(method, host, target, signed, body, keys, region=region, service=service, repeat=claimed)


def _is_dropped(name: str) -> bool:
    return (
        name in _OF_THE_OLD_SIGNATURE
        or name in _OF_THE_OLD_BODY
        or name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum"))
    )


def _signature(
    method: str,
    host: str,
    target: str,
    signed: Mapping[str, str],
    body: bytes,
    keys: AwsKeys,
    *,
    region: str,
    service: str,
    repeat: str,
) -> list[tuple[str, str]]:
    auth, request_type, credentials_type = _botocore()
    request = request_type(method, f"https://{host}{target}", headers={**signed, "host": host}, data=body)
    auth(credentials_type(keys.access_key, keys.secret_key, keys.token), service, region).add_auth(request)
    names = ["X-Amz-Date", "X-Amz-Security-Token", "Authorization"]
    if repeat:
        names.insert(1, "X-Amz-Content-SHA256")
    return [(name, str(request.headers[name])) for name in names if name in request.headers]


def _botocore() -> tuple[Any, Any, Any]:
    try:
        from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
        from botocore.credentials import Credentials  # type: ignore[import-untyped]
    except ImportError:
        raise SigningRefused(
            500, "botocore_missing", "This gateway signs for AWS and its Python has no botocore: install it."
        ) from None
    return SigV4Auth, AWSRequest, Credentials

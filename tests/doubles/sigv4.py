"""A verifier of AWS Signature Version 4, written from the specification and not from any SDK. Pure.

Reference: IAM user guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


class BadSignature(Exception):
    """The signature does not hold; the message says which part."""


def verify(
    method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, secrets: Mapping[str, str]
) -> tuple[str, str, str]:
    """Access key, region and service of a request whose signature holds. Raises BadSignature."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(" ".join(value.split()))
    match = _AUTHORIZATION.fullmatch(given.get("authorization", [""])[0])
    if match is None or len(given["authorization"]) != 1:
        raise BadSignature("no single AWS4-HMAC-SHA256 authorization")
    key, day, region, service, names, signature = match.groups()
    if key not in secrets:
        raise BadSignature("unknown access key")
    date = given.get("x-amz-date", [""])[0]
    signed = names.split(";")
    missing = [name for name in given if name.startswith("x-amz-") and name not in signed]
    if not date.startswith(day) or "host" not in signed or missing:
        raise BadSignature(f"date, host or headers are not under the signature: {missing}")
    path, _, query = target.partition("?")
    payload = hashlib.sha256(body).hexdigest()
    if given.get("x-amz-content-sha256", [payload])[0] != payload:
        raise BadSignature("the payload is another")
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(sorted(_pair(pair) for pair in query.split("&") if pair)),
            *[f"{name}:{','.join(given.get(name, []))}" for name in signed],
            "",
            names,
            payload,
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = ("AWS4" + secrets[key]).encode()
    for part in (day, region, service, "aws4_request", text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    if secret.hex() != signature:
        raise BadSignature("the signature is another")
    return key, region, service


def _pair(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{quote(unquote(name), safe='-_.~')}={quote(unquote(value), safe='-_.~')}"

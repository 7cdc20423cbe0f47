"""Whose request it is, by the credential that it shows. Imports no mitmproxy; does no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from addons.signing import key_id

HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def credential_of(headers: Sequence[tuple[str, str]], target: str = "") -> str | None:
    """What stays the same in all requests of one caller: a key, or of an AWS signature the access key's id.

    Google's APIs take the key as the query parameter ``key`` too.

    Nobody here can check that signature, so the id is what a caller says of itself; ``access`` says who may be one.
    """
    given = {name.lower(): value for name, value in headers}
    credential = next((given[name] for name in HEADERS if given.get(name)), None)
    if credential is None:
        query = parse_qsl(target.partition("?")[2], errors="surrogateescape")
        return next((value for name, value in query if name == "key" and value), None)
    return key_id(credential) or credential

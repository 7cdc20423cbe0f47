"""Whose request it is, by the credential that it shows. Imports no mitmproxy; does no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from addons.signing import key_id

HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def credential_of(headers: Sequence[tuple[str, str]]) -> str | None:
    """What stays the same in all requests of one caller: a key, or of an AWS signature the access key's id.

    Nobody here can check that signature, so the id is what a caller says of itself; ``access`` says who may be one.
    """
    given = {name.lower(): value for name, value in headers}
    credential = next((given[name] for name in HEADERS if given.get(name)), None)
    return credential and (key_id(credential) or credential)

"""Time-stamps of checkpoints (RFC 3161): another's word for when a checkpoint was there. Asks, judges, keeps.

The authority learns a checkpoint's SHA-256 and nothing else. Needs rfc3161-client (extra ``audit``), imported where it
is used. Imports no database.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from audit.errors import AuditError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

_SHA256 = "2.16.840.1.101.3.4.2.1"
_GRANTED = (0, 1)
"""PKIStatus granted and grantedWithMods: there is a token (RFC 3161, 2.4.2)."""
_MAX_REPLY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Stamper:
    """Where time-stamps come from and where they go."""

    url: str
    """Of the time-stamping authority."""
    ca_file: Path | None
    """Certificates (PEM) that the authority's must lead to; None: its signature is checked by verify alone."""
    file: Path
    """Tokens are appended to it."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token that fits its checkpoint."""

    token: bytes
    """DER: the TimeStampToken."""
    time: dt.datetime
    """UTC, as the authority says."""
    authority: str
    """The signer's name, of its certificate; empty if it was not checked."""


def stamp(stamper: Stamper, size: int, note: str, time_limit_s: float) -> None:
    """Have a checkpoint stamped and keep the token. Raises AuditError (``timestamp``), httpx.HTTPError, OSError."""
    roots = None if stamper.ca_file is None else load_certificates(stamper.ca_file)
    keep(stamper.file, size, request(stamper.url, note, roots, time_limit_s))


def request(url: str, note: str, roots: Sequence[Certificate] | None, time_limit_s: float) -> Stamp:
    """Ask for a token (RFC 3161, 3.4: over HTTP). Raises AuditError (``timestamp``), httpx.HTTPError."""
    client = _client()
    data = note.encode()
    asked = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256).build()
    reply = _decoded(_post(url, asked.as_bytes(), time_limit_s))
    if reply.status not in _GRANTED:
        raise AuditError("timestamp", f"The time-stamping authority refused: status {reply.status}.")
    try:
        token, nonce = reply.time_stamp_token(), reply.tst_info.nonce
    except ValueError:
        raise _no_token() from None
    if nonce != asked.nonce:
        raise AuditError("timestamp", "The time-stamp answers another request: its nonce is not ours.")
    return judge(token, data, roots)


def judge(token: bytes, data: bytes, roots: Sequence[Certificate] | None) -> Stamp:
    """Is it a token of this data, and, with ``roots``, signed by an authority whose certificate leads to one of them?

    Certificates must have been valid at the token's time. Raises AuditError (``timestamp``).
    """
    client = _client()
    reply = _decoded(_as_reply(token))
    try:
        info = reply.tst_info
        imprint, time = info.message_imprint, info.gen_time.astimezone(dt.UTC)
    except ValueError:
        raise _no_token() from None
    if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != hashlib.sha256(data).digest():
        raise AuditError("timestamp", "The time-stamp is of other data: its imprint is not the checkpoint's SHA-256.")
    if roots is None:
        return Stamp(token, time, "")
    builder = client.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(reply, data)
        return Stamp(token, time, _signer(reply))
    except (client.VerificationError, ValueError):
        raise AuditError(
            "timestamp",
            "The time-stamp's signature is not of a time-stamping authority that the given certificates vouch for.",
        ) from None


def load_certificates(file: Path) -> list[Certificate]:
    """The certificates of a PEM file. Raises AuditError (``timestamp``)."""
    from cryptography import x509

    try:
        return list(dict.fromkeys(x509.load_pem_x509_certificates(file.read_bytes())))
    except OSError as error:
        raise AuditError("timestamp", f"{file} cannot be read: {(error.strerror or 'error').lower()}.") from None
    except ValueError:
        raise AuditError("timestamp", f"{file} has no certificates in PEM.") from None


def keep(file: Path, size: int, stamp: Stamp) -> None:
    """Add a token at the end of a file (mode 0644) as a line of JSON, durably. Raises OSError."""
    shown = stamp.time.isoformat().replace("+00:00", "Z")
    line = json.dumps({"size": size, "time": shown, "token": base64.b64encode(stamp.token).decode()}).encode() + b"\n"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644), "r+b", buffering=0) as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        end = os.fstat(opened.fileno()).st_size
        # After a crash in mid-write the next line begins afresh.
        if end and os.pread(opened.fileno(), 1, end - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[opened.write(line) or 0 :]
        os.fsync(opened.fileno())


def parse_line(line: str) -> tuple[int, bytes]:
    """Size and token of a line that `keep` wrote. Raises AuditError (``timestamp``)."""
    try:
        found = json.loads(line)
        size, token = found["size"], base64.b64decode(found["token"], validate=True)
    except (ValueError, binascii.Error, KeyError, TypeError, RecursionError):
        size, token = None, b""
    if type(size) is not int:
        raise AuditError("timestamp", "This is no time-stamp: a line has size, time and token.")
    return size, token


def _post(url: str, body: bytes, time_limit_s: float) -> bytes:
    headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
    received = bytearray()
    with (
        httpx.Client(timeout=time_limit_s, trust_env=False, follow_redirects=False) as client,
        client.stream("POST", url, content=body, headers=headers) as answer,
    ):
        if not answer.is_success:
            raise AuditError("timestamp", f"The time-stamping authority answered with HTTP {answer.status_code}.")
        for part in answer.iter_bytes():
            received += part
            if len(received) > _MAX_REPLY_BYTES:
                raise _no_token()
    return bytes(received)


def _decoded(reply: bytes) -> TimeStampResponse:
    decoded: TimeStampResponse
    try:
        decoded = _client().decode_timestamp_response(reply)
    except ValueError:
        raise _no_token() from None
    return decoded


def _as_reply(token: bytes) -> bytes:
    """The granted reply (DER) that brings a token: the library reads tokens in replies alone."""
    body = b"\x30\x03\x02\x01\x00" + token
    if len(body) < 0x80:
        return bytes((0x30, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes((0x30, 0x80 | len(length))) + length + body


def _signer(reply: TimeStampResponse) -> str:
    from cryptography import x509

    (signer,) = reply.signed_data.signer_infos
    for der in reply.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(der)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return re.sub(r"[\x00-\x1f]", " ", certificate.subject.rfc4514_string())
    raise _no_token()


def _no_token() -> AuditError:
    return AuditError("timestamp", "This is no time-stamp as RFC 3161 describes it.")


def _client() -> Any:
    try:
        import rfc3161_client
    except ModuleNotFoundError:
        raise AuditError("missing", "Time-stamps need rfc3161-client: pip install 'coatcheck[audit]'.") from None
    return rfc3161_client

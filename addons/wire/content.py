"""What a request body is by its content type, and the reading of it.

May import this room only. JSON goes to the endpoint's codec, and so does a form where the endpoint takes forms. An
empty body is fine. Anything else is one unreadable part, about which the policy decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from addons.wire.multipart import Form, is_form, parse_multipart
from addons.wire.stored import NOTHING_STORED
from addons.wire.types import Codec, ParsedRequest, Segment, Unreadable, UnreadableKind, WireError


class UnreadRequest:
    """A body without segments: empty, or of a type that is not read. A ``ParsedRequest``."""

    def __init__(self, body: bytes, unreadable: Sequence[Unreadable] = ()):
        self.body = body
        self.segments: Sequence[Segment] = ()
        self.unreadable = unreadable
        self.joins: Sequence[Sequence[int]] = ()
        self.model: str | None = None
        self.stream = False
        self.stored = NOTHING_STORED

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """The body as it came. A model cannot be named in it: raises WireError ``not_an_object``."""
        if model is not None and self.body:
            raise WireError("not_an_object", "body", "A model can only be named in a JSON object")
        return self.body


@runtime_checkable
class ReadsEmpty(Protocol):
    """A codec that has something to say of a request without a body, too."""

    def parse_empty(self) -> ParsedRequest:
        """Raises WireError where such a request is to be refused."""
        ...


@runtime_checkable
class ReadsForms(Protocol):
    """A codec whose endpoint takes ``multipart/form-data``."""

    def parse_form(self, form: Form) -> ParsedRequest:
        """Take a form apart. Raises WireError."""
        ...


def is_json(content_type: str) -> bool:
    """True for ``application/json``, ``text/json`` and ``+json`` types, whatever their parameters."""
    media = content_type.partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or media.endswith("+json")


def read_body(codec: Codec, content_type: str | None, body: bytes) -> ParsedRequest:
    """Take a decoded body apart.

    Without a content type, what starts like a JSON object or array is read as JSON. Raises WireError; a body that
    claims to be JSON and is none is ``malformed_json``; a charset other than UTF-8 is ``unsupported_charset`` (415).
    """
    if not body:
        return codec.parse_empty() if isinstance(codec, ReadsEmpty) else UnreadRequest(body)
    kind = content_type or ""
    if is_json(kind) or (not kind.strip() and body.lstrip(b" \t\r\n")[:1] in (b"{", b"[")):
        charset = _charset(kind)
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise WireError("unsupported_charset", "content-type", "Send JSON in UTF-8", 415)
        return codec.parse_request(body)
    if is_form(kind) and isinstance(codec, ReadsForms):
        return codec.parse_form(parse_multipart(body, kind))
    return UnreadRequest(body, (Unreadable("body", UnreadableKind.CONTENT_TYPE),))


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'").lower()
    return ""

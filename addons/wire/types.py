"""The words that codecs speak: segments, unreadable parts, parsed requests, streams.

Rules for this room: sans-IO. Bytes or strings in, bytes or strings out; no sockets, no clocks,
no mitmproxy, no detection. A codec says where the human text is and writes other text there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable


class WireError(Exception):
    """The client's bytes cannot be read as what they claim to be.

    ``code`` is a stable word (``malformed_json``, ``too_deep``, ``duplicate_key``, ...), ``where`` a
    JSON path, byte offset or header name. Neither ever quotes the data.
    """

    def __init__(self, code: str, where: str, message: str, status: int = 400) -> None:
        super().__init__(f"{message} ({where})")
        self.code = code
        self.where = where
        self.message = message
        self.status = status


class Place(StrEnum):
    """What a segment stands in, which says how a replacement is written back."""

    TEXT = "text"
    """A string: the replacement is escaped as a string."""
    NUMBER = "number"
    """A JSON number in free-form data (``13912345678``): a replacement becomes a JSON *string*."""
    KEY = "key"
    """A member name of a free-form object: a replacement becomes the new name."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of human text inside a message."""

    path: str
    """Where it is, e.g. ``$.messages[2].content[0].text``; ``header:x-user``; ``query:q``."""
    role: str
    """``system``, ``user``, ``assistant``, ``tool``, ``schema`` (tool and format definitions), ``metadata``."""
    text: str
    place: Place = Place.TEXT
    context: str = ""
    """Name of the member or header that holds the text, where it is a plain identifier: ``password``, ``email``.
    For detectors that weigh context words; a leaf alone has lost its label."""


class UnreadableKind(StrEnum):
    """Why a part cannot be inspected."""

    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"
    BINARY = "binary"
    TOKENS = "tokens"
    CONTENT_TYPE = "content_type"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part that may hold personal data and cannot be read; policy decides (default: block)."""

    path: str
    kind: UnreadableKind
    stored: StoredObject | None = None
    """What it names, where it names something stored: if the vault knows that for the caller, it is read already."""


class ParsedRequest(Protocol):
    """A request body, taken apart. Immutable but for ``encode``, which returns new bytes."""

    segments: Sequence[Segment]
    unreadable: Sequence[Unreadable]
    model: str | None
    """The model named by the client, if any."""
    stream: bool
    """True if the client asked for a streamed reply."""
    joins: Sequence[Sequence[int]]
    """Groups of two and more segment indices whose texts the provider sees adjoining (the text parts of one message):
    scan them joined too, so that a value split over two parts is found."""

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """Body with segment i's text replaced by ``texts[i]`` (and the model name, if given).

        With nothing to replace, the bytes are those that came in.
        """
        ...


class TextRestorer(Protocol):
    """Puts originals back into one run of text. A pure state machine; never raises."""

    def feed(self, text: str) -> str:
        """Text that can be emitted now; holds back only what may still become a placeholder."""
        ...

    def flush(self) -> str:
        """What was held back; the run is over and the state is as new."""
        ...


class Restoration(Protocol):
    """Makes restorers for one flow: knows that flow's placeholders and counts what it restores."""

    def text(self) -> TextRestorer:
        """For prose. If the run turns out to be one JSON document, values are JSON-escaped inside its strings."""
        ...

    def json(self) -> TextRestorer:
        """For fragments of a JSON document (tool arguments): values are escaped as their place demands."""
        ...

    def whole(self, text: str) -> str:
        """A complete text at once: ``text().feed(text) + flush()``."""
        ...

    def whole_json(self, text: str) -> str:
        """A complete JSON document held in a string (tool arguments)."""
        ...

    def for_tool(self, name: str, *, hosted: bool) -> Restoration:
        """For the arguments of one tool, into which the policy may let no value. ``name``: the function's; for what
        the provider runs (``hosted``) its kind, ``web_search``, or ``mcp:SERVER/TOOL``; empty where it is not told."""
        ...


@runtime_checkable
class KnowsRequest(Protocol):
    """A restoration that knows the texts of the request, into which a reply may point (citations of documents)."""

    def sent_texts(self) -> tuple[Sequence[str], Restoration]:
        """The request's texts as they were sent, and what makes of each the caller's own text again."""
        ...


@runtime_checkable
class KnowsBaseUrl(Protocol):
    """A codec whose replies hold URLs of the provider's, at which clients ask next."""

    def for_base_url(self) -> Codec:
        """The codec for a client that has the gateway as its base URL: it must not be led around it."""
        ...


class StoredObject(NamedTuple):
    """Something that a provider keeps beyond a request, as far as it is named on the wire."""

    kind: str
    """``response``, ``conversation``, ``item``, ``compaction``, ``completion``."""
    id: str


@dataclass(slots=True)
class ReplyFacts:
    """What a reply says of itself, for the outcome record."""

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reasons: list[str] = field(default_factory=list)
    error_type: str | None = None
    complete: bool = False
    """The reply (or stream) came to its proper end."""
    objects: dict[StoredObject, None] = field(default_factory=dict)
    """What the reply names of that the provider may keep, in the order of appearance (the values mean nothing)."""
    dropped: int = 0
    """Members that pointed into a text (offsets, tokens' probabilities) and could not follow it when restored."""


class ReplyStream(Protocol):
    """Restores a streamed reply. Bytes in as the network cut them, bytes out; joined, they show nothing of the cuts."""

    facts: ReplyFacts

    def feed(self, data: bytes) -> bytes:
        """Bytes that can go to the client now (``b""`` if none). Raises WireError on a broken stream."""
        ...

    def close(self) -> bytes:
        """The upstream has ended. Flushes; if the stream is cut short, ``facts.complete`` stays False."""
        ...

    def error(self, message: str) -> bytes:
        """An error event in this stream's format, to be sent when something failed in mid-stream."""
        ...


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A refusal in the provider's own error shape."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Codec(Protocol):
    """One wire format: where the text is in requests, replies and stream events."""

    name: str
    """Endpoint name: ``openai.chat``, ``anthropic.messages``, ``anthropic.count_tokens``, ``generic``."""

    def parse_request(self, body: bytes) -> ParsedRequest:
        """Take a (decoded, identity-encoded) body apart. Raises WireError."""
        ...

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """Restore a complete JSON reply (error bodies too). Untouched if nothing was restored. Raises WireError."""
        ...

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """A fresh state machine for one streamed reply."""
        ...

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """An error reply that this provider's SDKs turn into their own exception class."""
        ...

"""What codecs of websocket messages share: one message as an event, and the words for what a server's message means.

May import this room only. A message is one JSON object with a ``type``. The stream classes of the HTTP APIs work on
events with bytes; here an event's bytes are the message and a mark that no JSON text can hold, so that what they put
out can be taken apart into messages again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from addons.wire.refusals import openai_error
from addons.wire.sse import Event
from addons.wire.stored import StoredUse
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import Codec, ErrorReply, ParsedRequest, ReplyFacts, Restoration, WireError

MARK = b"\x1e"
"""RFC 7464's record separator: RFC 8259 allows it nowhere in a JSON text."""
CODE = "code"
"""In an error reply's ``headers``: the refusal's stable code."""


class Frame(Event):
    """One message."""

    __slots__ = ()

    def with_data(self, data: str) -> bytes:
        """The message with other text."""
        return data.encode("utf-8", "surrogateescape") + MARK


def frame_of(text: str) -> Frame:
    """A message as an event."""
    return Frame(text.encode("utf-8", "surrogateescape") + MARK, "", text, False)


def frame_bytes(data: dict[str, Any]) -> bytes:
    """A message of our own."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogateescape") + MARK


def messages(out: bytes) -> list[str]:
    """What stream classes put out, as messages."""
    return [one.decode("utf-8", "surrogateescape") for one in out.split(MARK) if one]


def event_of(text: str) -> dict[str, Any]:
    """A server's message. Raises WireError: a message that is no JSON object could hold anything anywhere."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or MARK.decode() in text:
        raise WireError("malformed_event", "message", "A message of the upstream's is no JSON object", 502)
    return data


@dataclass(frozen=True, slots=True)
class Told:
    """What a server's message says of a reply."""

    lane: str = ""
    """Replies that are under way side by side are told apart by this."""
    begins: bool = False
    ends: bool = False


class MessageStream(Protocol):
    """Restores a server's messages, one after the other."""

    def use(self, restoration: Restoration) -> None:
        """For every text that begins from now on. What has begun goes on as it was."""
        ...

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:
        """The messages that can go to the client now. Raises WireError."""
        ...

    def close(self) -> list[str]:
        """The server has ended: what was held back."""
        ...


class ClientMessage(ParsedRequest, Protocol):
    """One of the client's messages, taken apart."""

    stored: StoredUse


class MessageCodec(Codec, Protocol):
    """A format of websocket messages. ``parse_request`` reads one of the client's, ``refusal`` makes an error event."""

    binary: bool
    """The next message to be read is a binary one."""
    binary_json: bool
    """Binary messages are JSON as well."""
    stays_open: bool
    """An error event does not end the connection."""

    def parse_request(self, body: bytes) -> ClientMessage:
        """One message of the client's. Raises WireError."""
        ...

    def open_messages(self, restoration: Restoration) -> MessageStream:
        """A fresh state machine for one connection."""
        ...

    def told(self, data: dict[str, Any]) -> Told:
        """What a server's message says of a reply."""
        ...

    def note(self, facts: ReplyFacts, data: dict[str, Any]) -> None:
        """Note what it says of the reply that it belongs to, for the record."""
        ...


def error_reply(status: int, code: str, event: dict[str, Any]) -> ErrorReply:
    """An error event as a refusal; its code is in ``headers[CODE]``."""
    return ErrorReply(status, {CODE: code}, json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))


def error_of(status: int, code: str, message: str) -> dict[str, Any]:
    """What OpenAI's error events have under ``error``."""
    error: dict[str, Any] = openai_error(status, code, message)["error"]  # type: ignore[assignment]
    return error


class Swapping:
    """A restoration that hands on to another, which changes as the client says more. Implements ``Restoration``."""

    def __init__(self, restoration: Restoration):
        self.now = restoration

    def text(self) -> Any:
        return self.now.text()

    def json(self) -> Any:
        return self.now.json()

    def whole(self, text: str) -> str:
        return self.now.whole(text)

    def whole_json(self, text: str) -> str:
        return self.now.whole_json(text)

    def for_tool(self, name: str, *, hosted: bool) -> Restoration:
        return self.now.for_tool(name, hosted=hosted)


class MessageEvents(EventStream):
    """A ``MessageStream`` that reads messages as an event stream's events. What ends all runs is ``tails``."""

    def __init__(self, restoration: Restoration):
        self._swapping = Swapping(restoration)
        super().__init__(self._swapping)
        self._runs = Runs(self._swapping)

    def use(self, restoration: Restoration) -> None:
        """See ``MessageStream.use``."""
        self._swapping.now = restoration

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:  # type: ignore[override]
        """See ``MessageStream.feed``."""
        return messages(self.on_json(frame_of(text), data))

    def close(self) -> list[str]:  # type: ignore[override]
        """See ``MessageStream.close``."""
        return messages(self.tails())


def steps_of(data: dict[str, Any], names: Sequence[str]) -> tuple[str | int, ...]:
    """The members that say where a piece belongs; empty strings for those that are not there."""
    return tuple(value if isinstance(value := data.get(name), str | int) else "" for name in names)

"""One request and its reply: what must be remembered between the two, and how the reply is put right.

Imports no mitmproxy and does no I/O: bytes in, bytes out. ``gateway.py`` feeds it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from addons.judging import CODE, FAILED, FAILURE, ReplyJudge, explain
from addons.keeping import Keeping
from addons.masking.judged import Blocked
from addons.refusal import Refusal
from addons.reroute.mending import MessageStartMender
from addons.wire.encodings import Inflater, decode
from addons.wire.types import Codec, ErrorReply, ReplyFacts, ReplyStream, Restoration, WireError

STREAM_TYPES = ("text/event-stream",)
HTTP_ERROR = 400


class Counts(Protocol):
    """How the placeholders of one flow fared in its reply."""

    seen: int
    restored: int
    unknown: int
    mangled: int
    withheld: int


class CountingRestoration(Restoration, Protocol):
    """A restoration that keeps count."""

    @property
    def counts(self) -> Counts: ...


@dataclass(slots=True)
class Exchange:
    """State of one inspected flow, from its decision to its outcome."""

    codec: Codec
    decision_id: str
    upstream: str
    restoration: CountingRestoration | None
    """None where the reply is passed on as it is (nothing was masked)."""
    response_cap: int
    judge: ReplyJudge | None = None
    """Judges what the model adds; None: that is allowed. ``restoration`` is then the judge's."""
    keeping: Keeping | None = None
    """What the vault must have of the reply before the client does; None: nothing."""
    listing: Callable[[bytes], Awaitable[None]] | None = None
    """For a reply that lists stored objects: looks up what it names, given its decoded body, and takes that into
    ``restoration``; None: there is nothing to look up."""
    rerouted: bool = False
    begun: float | None = None
    """When its request was whole (`time.monotonic`)."""
    restore_s: float = 0.0
    """Spent on the reply so far: restoring and judging."""
    sent: float | None = None
    first_byte: float | None = None
    facts: ReplyFacts = field(default_factory=ReplyFacts)
    error: str | None = None
    """Stable code of what went wrong with the reply."""
    response_bytes: int = 0
    finished: bool = False

    def is_stream(self, content_type: str) -> bool:
        """True if a reply of this content type is to be restored as it comes.

        A codec may name more types in ``stream_types``: lines of JSON (Ollama), a JSON array (Gemini).
        """
        if self._reads_any_type:
            return False
        kind = content_type.partition(";")[0].strip().lower()
        return kind in STREAM_TYPES or kind in getattr(self.codec, "stream_types", ())

    @property
    def _reads_any_type(self) -> bool:
        """The codec knows what a reply is whatever type it is said to be: the content of a stored file."""
        return bool(getattr(self.codec, "reads_any_type", False))

    def read_ahead(self, body: bytes, content_type: str, encodings: str) -> None:
        """Before ``restore_body``: what of a whole reply must be judged is noted. What cannot be read is left alone."""
        kind = content_type.partition(";")[0].strip().lower()
        is_json = kind == "application/json" or kind.endswith("+json") or self._reads_any_type
        if self.judge is not None and (is_json or kind.startswith("text/")):
            self.judge.read(self.codec, decode(body, encodings, self.response_cap), is_json=is_json)

    def restore_body(self, body: bytes, content_type: str, encodings: str, status: int) -> bytes | None:
        """The reply's body with originals restored, identity-encoded; None if the bytes may pass as they are.

        Raises WireError where a body cannot be read although placeholders may be in it, Refusal where the model added
        what the policy blocks.
        """
        try:
            return self._restore_body(body, content_type, encodings, status)
        except Blocked as blocked:
            raise Refusal(403, CODE, explain(blocked.entity), rule="response") from None

    def _restore_body(self, body: bytes, content_type: str, encodings: str, status: int) -> bytes | None:
        self.response_bytes = len(body)
        if self.restoration is None:
            self._note_facts(body, content_type, encodings)
            return None
        plain = decode(body, encodings, self.response_cap)
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json") or self._reads_any_type:
            restored, self.facts = self.codec.restore_reply(plain, self.restoration)
            if status < HTTP_ERROR and plain and not self.facts.complete:
                raise WireError("malformed_reply", "body", "The reply claims to be JSON of its endpoint and is not")
            return restored
        if kind.startswith("text/"):
            try:
                return self.restoration.whole(plain.decode("utf-8")).encode("utf-8")
            except UnicodeDecodeError:
                return plain
        return plain

    def _note_facts(self, body: bytes, content_type: str, encodings: str) -> None:
        """Tokens and finish reason of a reply that passes untouched: for the record only, so never an error."""
        try:
            if "json" in content_type:
                plain = decode(body, encodings, self.response_cap)
                self.facts = self.codec.restore_reply(plain, NO_RESTORATION)[1]
        except Exception:
            self.facts = ReplyFacts()

    def mender(self) -> MessageStartMender | None:
        """For a rerouted Anthropic stream: local servers do not always begin it as the SDKs need."""
        if not self.rerouted or self.codec.name != "anthropic.messages":
            return None
        return MessageStartMender(self.decision_id, self.upstream)

    def open_stream(self, encodings: str) -> StreamBody:
        """A callable for mitmproxy's ``response.stream``. Raises WireError where it cannot be decoded and must be."""
        return StreamBody(self, encodings)


class StreamBody:
    """Restores a streamed reply chunk by chunk; never raises (an exception in mitmproxy's callable drops the chunk).

    Called with the chunks as they come off the wire and with ``b""`` at the end. Answers bytes, or ``[]`` for nothing:
    ``b""`` in mid-stream would end a chunked reply.
    """

    def __init__(self, exchange: Exchange, encodings: str) -> None:
        self._exchange = exchange
        self._untouched = exchange.restoration is None
        self._stream: ReplyStream = exchange.codec.open_stream(exchange.restoration or NO_RESTORATION)
        exchange.facts = self._stream.facts
        self._mender = exchange.mender()
        self._broken = False
        self._closed = False
        self._withheld = False
        self._ahead = exchange.judge.open_stream(exchange.codec) if exchange.judge is not None else None
        self._parked: list[tuple[bytes, bool]] = []
        """Bytes, and whether the stream ends with them, that wait for judgement."""
        self._encoded = encodings.strip().lower() not in ("", "identity")
        try:
            self._inflater = Inflater(encodings, exchange.response_cap)
        except WireError:
            if not self._untouched:
                raise
            self._inflater = Inflater(None, exchange.response_cap)
            self._broken = True

    def __call__(self, data: bytes) -> bytes | list[bytes]:
        if self._withheld:
            return []
        begun = time.monotonic()
        try:
            return self._mend(data)
        except Exception:
            return (
                [] if self._broken else (self._fail("restorer_failed", "The gateway failed to read the reply.") or [])
            )
        finally:
            self._exchange.restore_s += time.monotonic() - begun

    def _mend(self, data: bytes) -> bytes | list[bytes]:
        if self._mender is None:
            return self._take(data)
        if data:
            mended = self._mender.feed(data)
            return self._take(mended) if mended else []
        rest = self._mender.close()
        last = [self._take(rest)] if rest else []
        return b"".join(out for out in [*last, self._take(b"")] if isinstance(out, bytes)) or []

    def _take(self, data: bytes) -> bytes | list[bytes]:
        exchange = self._exchange
        if exchange.first_byte is None:
            exchange.first_byte = time.monotonic()
        exchange.response_bytes += len(data)
        out = self._pass_on(data) if self._untouched else self._restore(data)
        return out or []

    def _pass_on(self, data: bytes) -> bytes:
        """Bytes go through as they came; a copy is read for tokens and finish reason."""
        if not self._broken:
            try:
                self._step(data)
            except Exception:  # the record loses its token counts; the client's bytes are not ours to stop
                self._broken = True
        return data

    def _restore(self, data: bytes) -> bytes:
        if self._broken:
            return b""
        try:
            return self._step(data)
        except WireError as e:
            return self._fail(e.code, f"The reply's stream could not be read: {e.message} ({e.where}).")
        except Exception:
            return self._fail("restorer_failed", "The gateway failed to restore the reply.")

    def _step(self, data: bytes) -> bytes:
        ended = not data
        plain = self._inflater.close() if ended else self._inflater.feed(data)
        judge = self._exchange.judge
        if judge is not None:
            self._read_ahead(plain, ended=ended)
            if judge.waits or self._parked:
                self._parked.append((plain, ended))
                return b""
        return self._go_on(plain, ended=ended)

    def _go_on(self, plain: bytes, *, ended: bool) -> bytes:
        out = self._stream.feed(plain)
        if not ended:
            return out
        self._closed = True
        out += self._stream.close()
        if not self._stream.facts.complete and not self._exchange.error:
            self._exchange.error = "stream_incomplete"
        return out

    # -- what the model adds -------------------------------------------------------------------------------------

    def _read_ahead(self, plain: bytes, *, ended: bool) -> None:
        if self._ahead is None:
            return
        try:
            self._ahead.feed(plain)
            if ended:
                self._ahead.close()
        except WireError:  # whoever restores it will say so
            self._ahead = None

    @property
    def parked(self) -> bool:
        """True while bytes wait for the judge's verdict."""
        return bool(self._parked)

    def judged(self) -> bytes | list[bytes]:
        """What of the waiting bytes leaves now that the judge has been asked."""
        judge, parked = self._exchange.judge, self._parked
        self._parked = []
        if judge is None or self._withheld or self._broken:
            return []
        if judge.waits:
            judge.restoration.end()
            return self.withhold(FAILED, FAILURE)
        out: list[bytes] = []
        try:
            for plain, ended in parked:
                # Byte by byte up to a block: what leaves before it must not depend on how the network cut the stream.
                pieces = [plain[at : at + 1] for at in range(len(plain))] if judge.verdicts.blocking else [plain]
                for piece in pieces:
                    out.append(self._go_on(piece, ended=False))  # noqa: PERF401 - what is out stays out
                if ended:
                    out.append(self._go_on(b"", ended=True))
        except Blocked as blocked:
            judge.restoration.end()
            out.append(self._fail(CODE, explain(blocked.entity)))
        except WireError as e:
            judge.restoration.end()
            out.append(self._fail(e.code, f"The reply's stream could not be read: {e.message} ({e.where})."))
        except Exception:
            judge.restoration.end()
            out.append(self._fail("restorer_failed", "The gateway failed to restore the reply."))
        return [piece for piece in out if piece]

    def _fail(self, code: str, message: str) -> bytes:
        self._broken = True
        self._exchange.error = code
        return self._error_event(message)

    def _error_event(self, message: str) -> bytes:
        try:
            return self._stream.error(message)
        except Exception:
            return b""

    def withhold(self, code: str, message: str) -> bytes | list[bytes]:
        """Let nothing more out but an error event, which is the answer; whatever comes is thrown away."""
        self._withheld = True
        self._exchange.error = code
        unreadable = self._untouched and self._encoded  # plain text in an encoded stream would be noise
        return (b"" if unreadable else self._error_event(message)) or []

    def tail(self, code: str, message: str) -> bytes:
        """The upstream broke off: what was held back, then an error event. Empty if the end was already told."""
        exchange = self._exchange
        exchange.error = exchange.error or code
        if self._withheld or self._closed or (self._broken and not self._untouched):
            return b""
        self._closed = True
        if exchange.judge is not None:  # what was held back is not judged, and nobody waits for it any more
            self._parked = []
            exchange.judge.restoration.end()
        if self._untouched:  # an encoded stream passes as it is: plain text at its end would be noise
            return b"" if self._encoded else self._error_event(message)
        try:
            out = self._stream.close()
        except Exception:
            out = b""
        return out + self._error_event(message)


class _NoRestoration:
    """Nothing to restore: text passes as it is."""

    def text(self) -> _NoRestorer:
        return _NO_RESTORER

    json = text

    def whole(self, text: str) -> str:
        return text

    whole_json = whole

    def for_tool(self, name: str, *, hosted: bool) -> _NoRestoration:
        return self


class _NoRestorer:
    def feed(self, text: str) -> str:
        return text

    def flush(self) -> str:
        return ""


_NO_RESTORER = _NoRestorer()
NO_RESTORATION: Restoration = _NoRestoration()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a rerouted request goes."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request go on. None: that part is as the client sent it."""

    exchange: Exchange
    body: bytes | None = None
    path: str | None = None
    headers: Sequence[tuple[str, str]] | None = None
    destination: Destination | None = None
    identity_reply: bool = False
    """Ask upstream for an unencoded reply, since it will be restored."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the client ourselves; nothing goes out."""

    reply: ErrorReply
    exchange: Exchange | None

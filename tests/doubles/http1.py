"""HTTP/1.1 on asyncio streams, so bare that it can misbehave in every way that a network and a server can.

Rules for this file: it knows nothing of APIs. It reads requests exactly as they come and writes replies as their
manner says. An HTTP library would refuse half of what is wanted here.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import brotli  # type: ignore[import-untyped]
import zstandard

from tests.doubles.manner import Manner

HEAD_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    """In their order and spelling, decoded as Latin-1."""
    body: bytes
    """Without chunk framing, with content coding."""
    head: bytes
    """The raw request line and headers."""
    server_name: str | None = None
    """TLS SNI."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def header(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.headers if key.lower() == name), default)

    @property
    def raw(self) -> bytes:
        """Everything of it that went over the wire, but for the framing of chunks."""
        return self.head + self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply before its manner: one piece if it is whole, one piece per event if it is a stream."""

    status: int
    pieces: Sequence[bytes]
    content_type: str = "application/json"
    stream: bool = False
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


Handler = Callable[[Request], Awaitable[tuple[Reply, Manner]]]


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the requests of one connection until either side ends it."""
    name = getattr(writer.get_extra_info("ssl_object"), "asked_name", None)
    try:
        while (request := await _read(reader, writer, name)) is not None:
            reply, manner = await handler(request)
            stays = await _write(writer, request, reply, manner)
            if not stays or request.header("connection").lower() == "close":
                break
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client went away, or spoke something else than HTTP: its affair
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str | None) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = [(key, value.strip()) for key, _, value in (line.partition(":") for line in lines)]
    lowered = {key.lower(): value for key, value in headers}
    if lowered.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if lowered.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(lowered.get("content-length", "0")))
    return Request(method, target, tuple(headers), body, head, name)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass  # trailers
    return bytes(body)


def shape(reply: Reply, manner: Manner) -> tuple[list[tuple[str, str]], list[bytes], int]:
    """A reply's headers but for its framing, the pieces that are really sent, and the length that is claimed."""
    pieces = list(reply.pieces)
    if manner.truncate:
        pieces = pieces[: max(len(pieces) // 2, 1)] if reply.stream else [_half(b"".join(pieces))]
    if manner.encoding:
        pieces = encode(pieces, manner.encoding)
    length = sum(map(len, pieces))
    if manner.hang_up_after is not None:
        pieces = pieces[: manner.hang_up_after] if reply.stream else [_half(b"".join(pieces))]
    if manner.chunk > 0:
        whole = b"".join(pieces)
        pieces = [whole[at : at + manner.chunk] for at in range(0, len(whole), manner.chunk)]
    headers = [("content-type", manner.content_type or reply.content_type), *reply.headers, *manner.headers.items()]
    if manner.encoding:
        headers.append(("content-encoding", manner.encoding))
    return headers, pieces, length


async def _write(writer: asyncio.StreamWriter, request: Request, reply: Reply, manner: Manner) -> bool:
    """Send a reply in its manner. True if the connection can serve another request."""
    headers, pieces, length = shape(reply, manner)
    hangs_up = manner.hang_up_after is not None
    chunked = not manner.no_length and (reply.stream or manner.chunk > 0)
    if chunked:
        headers.append(("transfer-encoding", "chunked"))
    elif not manner.no_length:
        headers.append(("content-length", str(length)))
    if manner.no_length or hangs_up:
        headers.append(("connection", "close"))

    if manner.delay_ms:
        await asyncio.sleep(manner.delay_ms / 1000)
    await _send(writer, _head(reply.status, headers), manner.wire)
    if request.method == "HEAD":
        return True
    for piece in pieces:
        if piece:
            await _send(writer, b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece, manner.wire)
        if manner.gap_ms:
            await asyncio.sleep(manner.gap_ms / 1000)
    if hangs_up:
        return False
    if chunked:
        await _send(writer, b"0\r\n\r\n", manner.wire)
    return not manner.no_length


def _head(status: int, headers: Sequence[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Overloaded" if status == 529 else "Unnamed"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _send(writer: asyncio.StreamWriter, data: bytes, cut: int) -> None:
    step = cut or max(len(data), 1)
    for at in range(0, len(data), step):
        writer.write(data[at : at + step])
        await writer.drain()
        await asyncio.sleep(0)  # let the transport write: otherwise small writes travel as one


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def encode(pieces: Sequence[bytes], coding: str) -> list[bytes]:
    """The pieces in a content coding, flushed after each, so that a stream can be read as it comes."""
    if coding in {"gzip", "deflate"}:
        deflate = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        out = [deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
        return [*out, deflate.flush()]
    if coding == "br":
        compressor = brotli.Compressor()
        out = [compressor.process(piece) + compressor.flush() for piece in pieces]
        return [*out, compressor.finish()]
    if coding == "zstd":
        frame = zstandard.ZstdCompressor().compressobj()
        out = [frame.compress(piece) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for piece in pieces]
        return [*out, frame.flush()]
    raise ValueError(f"no content coding {coding}")

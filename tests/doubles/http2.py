"""HTTP/2 for the doubles, on the ``h2`` package: the same requests, replies and manners as over HTTP/1.1.

What has no meaning here is left out: ``wire`` (TLS records are cut by the transport), ``no_length`` (only the header is
missing). Hanging up resets the stream, not the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.doubles.http1 import Handler, Request, shape


class _Stream:
    """One request while it comes in and is answered."""

    def __init__(self, headers: Sequence[tuple[str, str]]) -> None:
        self.headers = headers
        self.body = bytearray()
        self.answering: asyncio.Task[None] | None = None


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._name = getattr(writer.get_extra_info("ssl_object"), "asked_name", None)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._window = asyncio.Event()

    async def run(self) -> None:
        self._h2.initiate_connection()
        await self._flush()
        try:
            while data := await self._reader.read(65536):
                for event in self._h2.receive_data(data):
                    self._take(event)
                await self._flush()
        except h2.exceptions.ProtocolError:
            await self._flush()  # its GOAWAY says what was wrong
        finally:
            for stream in self._streams.values():
                if stream.answering is not None:
                    stream.answering.cancel()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._streams[event.stream_id] = _Stream([(str(key), str(value)) for key, value in event.headers])
        elif isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self._streams:
                self._streams[event.stream_id].body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            ended = self._streams[event.stream_id]
            ended.answering = asyncio.create_task(self._answer(event.stream_id, ended))
        elif isinstance(event, h2.events.StreamReset):
            stream = self._streams.pop(event.stream_id, None)
            if stream is not None and stream.answering is not None:
                stream.answering.cancel()
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._window.set()

    async def _answer(self, stream_id: int, stream: _Stream) -> None:
        # The client may reset the stream or leave at any await: its affair.
        with contextlib.suppress(h2.exceptions.ProtocolError, ConnectionError):
            await self._answer_whole(stream_id, stream)

    async def _answer_whole(self, stream_id: int, stream: _Stream) -> None:
        pseudo = dict(pair for pair in stream.headers if pair[0].startswith(":"))
        plain = tuple(pair for pair in stream.headers if not pair[0].startswith(":"))
        head = "\r\n".join(f"{key}: {value}" for key, value in stream.headers) + "\r\n\r\n"
        method, target = pseudo[":method"], pseudo[":path"]
        request = Request(method, target, plain, bytes(stream.body), head.encode(), self._name)
        reply, manner = await self._handler(request)
        headers, pieces, length = shape(reply, manner)
        if not (reply.stream or manner.no_length):
            headers.append(("content-length", str(length)))
        if manner.delay_ms:
            await asyncio.sleep(manner.delay_ms / 1000)
        self._h2.send_headers(stream_id, [(":status", str(reply.status)), *headers])
        await self._flush()
        for piece in pieces:
            await self._send(stream_id, piece)
            if manner.gap_ms:
                await asyncio.sleep(manner.gap_ms / 1000)
        if manner.hang_up_after is not None:
            self._h2.reset_stream(stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        else:
            self._h2.end_stream(stream_id)
        await self._flush()
        self._streams.pop(stream_id, None)

    async def _send(self, stream_id: int, data: bytes) -> None:
        """Send in frames as large as the client's windows allow, waiting for them where they are shut."""
        at = 0
        while at < len(data):
            room = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
            if room == 0:
                self._window.clear()
                await self._window.wait()
                continue
            self._h2.send_data(stream_id, data[at : at + room])
            at += room
            await self._flush()

    async def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
        await self._writer.drain()


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the requests of one connection until the client ends it."""
    try:
        await _Connection(reader, writer, handler).run()
    except ConnectionError:
        pass  # the client went away
    finally:
        writer.close()

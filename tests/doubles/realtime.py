"""Websockets over real TLS: OpenAI's Realtime and Responses APIs, Gemini Live. It quotes what it was asked.

Events are those of ``openai.types.realtime`` and ``openai.types.responses``. ``Sockets.received`` keeps what really
arrived: of each connection the request's head, and all messages, pings and close reasons.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.doubles import gemini_live, openai_responses
from tests.doubles.formats import Ids
from tests.doubles.manner import Manner
from tests.doubles.quoting import cut
from tests.doubles.responses_script import whole_stream
from tests.doubles.tls import ThrowawayCa

HOSTS = ("api.openai.com", "resource.openai.azure.com", *gemini_live.HOSTS)


class Sockets:
    """The double, on a loopback port, in a thread of its own for the length of a ``with`` block."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="coatcheck-sockets-")
        where = Path(self._scratch.name)
        self.ca = where / "ca.pem"
        self._context: ssl.SSLContext = ThrowawayCa(where).server_context([*HOSTS, "127.0.0.1"])
        self._ready, self._ended = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0
        self.clear()

    def clear(self) -> None:
        """As if newly started."""
        self.heads: list[str] = []
        """Request line and headers of each connection."""
        self.messages: list[str | bytes] = []
        self.closes: list[tuple[int, str]] = []
        self.closed = threading.Event()
        """One of them has come."""
        self.piece = 5
        """Code points in each delta."""
        self.say: str | None = None
        """Say this in place of a quotation."""
        self.events: list[dict[str, Any] | str | bytes] | None = None
        """Send these, and nothing else, for the next message."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._scratch.cleanup()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serve(
            self._talk,
            "127.0.0.1",
            0,
            ssl=self._context,
            max_size=None,
            subprotocols=None,
            select_subprotocol=lambda _, offered: "realtime" if "realtime" in offered else None,  # type: ignore[arg-type, return-value]
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._ended.wait()

    async def _talk(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        self.heads.append(f"{request.path}\n" + "\n".join(f"{k}: {v}" for k, v in request.headers.raw_items()))
        talk: Realtime | Responses | gemini_live.Live
        if "BidiGenerateContent" in request.path:
            talk = gemini_live.Live(self)
        else:
            talk = Realtime(self) if "/realtime" in request.path else Responses(self)
        try:
            for event in talk.hello():
                await connection.send(event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False))
            async for message in connection:
                self.messages.append(message)
                if isinstance(message, bytes) and not isinstance(talk, gemini_live.Live):
                    continue
                said, self.events = self.events, None
                answer: Iterable[dict[str, Any] | str | bytes] = (
                    talk.answer(json.loads(message)) if said is None else said
                )
                for one in answer:
                    await connection.send(one if isinstance(one, str | bytes) else json.dumps(one))
        except ConnectionClosed:
            pass
        self.closes.append((connection.close_code or 0, connection.close_reason or ""))
        self.closed.set()


class Realtime:
    """One Realtime session."""

    def __init__(self, double: Sockets) -> None:
        self._double = double
        self._ids = Ids()
        self._session: dict[str, Any] = {"type": "realtime", "object": "realtime.session", "model": "gpt-realtime"}
        self._said = ""

    def _event(self, kind: str, **members: Any) -> dict[str, Any]:
        return {"type": kind, "event_id": self._ids.new("event_"), **members}

    def hello(self) -> Iterator[dict[str, Any]]:
        yield self._event("session.created", session=self._session)

    def answer(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What the server sends for one event."""
        kind = event["type"]
        if kind == "session.update":
            self._session |= event["session"]
            yield self._event("session.updated", session=self._session)
        elif kind == "conversation.item.create":
            item = {"id": self._ids.new("item_"), "object": "realtime.item", "status": "completed", **event["item"]}
            if item["type"] == "function_call_output":
                self._said = item["output"]
            elif item["type"] == "message":
                self._said = " ".join(part.get("text") or part.get("transcript") or "" for part in item["content"])
            yield self._event("conversation.item.added", previous_item_id=None, item=item)
            yield self._event("conversation.item.done", previous_item_id=None, item=item)
        elif kind == "response.create":
            yield from self._response(event.get("response") or {})
        elif kind == "input_audio_buffer.append":
            yield self._event("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_audio")

    def _response(self, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        double = self._double
        if wanted.get("input"):
            self._said = " ".join(part["text"] for item in wanted["input"] for part in item.get("content", ()))
        text = double.say if double.say is not None else f"You wrote: {self._said}"
        response = {"object": "realtime.response", "id": self._ids.new("resp_"), "status": "in_progress", "output": []}
        yield self._event("response.created", response=response)
        tools = wanted.get("tools") or self._session.get("tools") or []
        here = {"response_id": response["id"], "item_id": self._ids.new("item_"), "output_index": 0}
        if tools:
            arguments = json.dumps({"text": self._said}, ensure_ascii=False)
            item = {"type": "function_call", "id": here["item_id"], "object": "realtime.item", "name": tools[0]["name"]}
            item |= {"call_id": "call_1", "status": "completed", "arguments": arguments}
            opened = {**item, "arguments": "", "status": "in_progress"}
            yield self._event("response.output_item.added", response_id=response["id"], output_index=0, item=opened)
            for piece in cut(arguments, double.piece):
                yield self._event("response.function_call_arguments.delta", **here, call_id="call_1", delta=piece)
            done = {"call_id": "call_1", "name": item["name"], "arguments": arguments}
            yield self._event("response.function_call_arguments.done", **here, **done)
        else:
            spoken = "audio" in (wanted.get("output_modalities") or self._session.get("output_modalities") or [])
            name, member = ("output_audio_transcript", "transcript") if spoken else ("output_text", "text")
            part = {"type": "output_audio" if spoken else "output_text", member: text}
            item = {"type": "message", "id": here["item_id"], "object": "realtime.item", "role": "assistant"}
            item |= {"status": "completed", "content": [part]}
            opened = {**item, "status": "in_progress", "content": []}
            yield self._event("response.output_item.added", response_id=response["id"], output_index=0, item=opened)
            where = {**here, "content_index": 0}
            yield self._event("response.content_part.added", **where, part={**part, member: ""})
            for number, piece in enumerate(cut(text, double.piece)):
                yield self._event(f"response.{name}.delta", **where, delta=piece)
                if spoken and number % 2:
                    yield self._event("response.output_audio.delta", **where, delta="AAAAAAAA")
            yield self._event(f"response.{name}.done", **where, **{member: text})
            yield self._event("response.content_part.done", **where, part=part)
        yield self._event("response.output_item.done", response_id=response["id"], output_index=0, item=item)
        usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        yield self._event(
            "response.done", response={**response, "status": "completed", "output": [item], "usage": usage}
        )


class Responses:
    """One connection of the Responses API: replies to ``response.create``."""

    def __init__(self, double: Sockets) -> None:
        self._double = double
        self._numbers = itertools.count(1)

    def hello(self) -> Iterator[dict[str, Any]]:
        return iter(())

    def answer(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What the server sends for one event."""
        ids = Ids()
        number = next(self._numbers)
        manner = Manner().but({"piece": self._double.piece, "say": self._double.say})
        _, done = openai_responses.responses({**event, "stream": False}, manner, ids)
        done["id"] = f"resp_socket{id(self._double) % 1000}{number}"
        lane = {"stream_id": event["stream_id"]} if "stream_id" in event else {}
        for _, data in whole_stream(done, self._double.piece):
            yield {**data, **lane}

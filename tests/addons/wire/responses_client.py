"""What a client makes of Responses replies and streams; shared by the tests of requests, replies and streams."""

from __future__ import annotations

import json
from typing import Any

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.types import Restoration as RestorationLike
from detectors.spans import Span
from tests.addons.wire.doubles import VALUES, Restoration
from tests.addons.wire.positions_responses import responses_reply

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
CODEC = OpenAIResponses()
NAME = '王"秀"英'
SESSION = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
REAL = SESSION.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])


def run(chunks: list[bytes], restoration: RestorationLike | None = None) -> tuple[bytes, Any]:
    stream = CODEC.open_stream(restoration or Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


def events(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: {")]


def told(data: bytes) -> dict[Any, str]:
    """Texts that a client puts together from pieces, by place."""
    texts: dict[Any, str] = {}
    for event in events(data):
        if event["type"].endswith(".delta"):
            where = tuple(event.get(f"{name}_index", 0) for name in ("output", "content", "summary", "command"))
            delta = event["delta"] if isinstance(event["delta"], dict) else {"": event["delta"]}
            for name, text in delta.items():
                key = (event["type"].removesuffix(".delta"), *where, name)
                texts[key] = texts.get(key, "") + text
    return texts


def done(data: bytes) -> dict[Any, str]:
    """The same texts as the events say them that close them."""
    texts: dict[Any, str] = {}
    for event in events(data):
        base = event["type"].removesuffix(".done")
        where = tuple(event.get(f"{name}_index", 0) for name in ("output", "content", "summary", "command"))
        if event["type"] == "response.shell_call_output_content.done":
            texts |= {(base, *where, name): event["output"][0][name] for name in ("stdout", "stderr")}
        elif event["type"].endswith(".done"):
            for name in ("text", "refusal", "arguments", "input", "code", "command"):
                if name in event:
                    texts[base, *where, ""] = event[name]
    return texts


def cited(text: str, *marked: str, logprobs: bool = True) -> dict[str, Any]:
    """A part whose annotations point at ``marked`` in its text."""
    spans = [(text.index(word), text.index(word) + len(word)) for word in marked]
    urls = [{"type": "url_citation", "title": "t", "url": "u", "start_index": a, "end_index": b} for a, b in spans]
    files = [{"type": "file_citation", "file_id": "file-1", "filename": "f", "index": b} for _, b in spans]
    tokens = [{"token": text, "logprob": -0.5, "bytes": None, "top_logprobs": []}] if logprobs else []
    return {"type": "output_text", "text": text, "annotations": [*urls, *files], "logprobs": tokens}


def response_of(*parts: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(parts)}
    return responses_reply("x") | {"output": [item]}

"""What is not of the shape that the API has: nothing crosses unscanned, nothing raises, nothing stays unrestored."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec
from tests.addons.wire import positions, positions_anthropic
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER = next(iter(VALUES))
ODD: list[Any] = [None, 1, "x", [], {}, [[]], True, {"type": "text"}, {"type": ["x"]}, ["a", {"type": 3}]]


def mutated(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.03:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {key: mutated(child, rng) for key, child in value.items()}
    return [mutated(child, rng) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("codec", "request_of", "reply_of", "stream_of"),
    [
        (OpenAIChat(), positions.openai_request, positions.openai_reply, positions.openai_stream),
        (
            AnthropicMessages(),
            positions_anthropic.anthropic_request,
            positions_anthropic.anthropic_reply,
            positions_anthropic.anthropic_stream,
        ),
    ],
    ids=["openai", "anthropic"],
)
def test_odd_shapes(codec: Codec, request_of: Any, reply_of: Any, stream_of: Any) -> None:
    rng = random.Random(7)
    body, reply = request_of()[0], reply_of(f"Dear {PLACEHOLDER}")
    for _ in range(100):
        raw = json.dumps({key: mutated(value, rng) for key, value in body.items()}).encode()
        request = codec.parse_request(raw)
        assert request.encode({}) == raw
        sent = request.encode({i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)})
        assert not positions.MARKER.search(json.dumps(json.loads(sent), ensure_ascii=False))
        restored, _ = codec.restore_reply(json.dumps(mutated(reply, rng)).encode(), Restoration())
        assert PLACEHOLDER.encode() not in restored
    for _ in range(20):
        blocks = []
        for block in stream_of(PLACEHOLDER, 5).decode().split("\n\n"):
            head, mark, data = block.partition("data: ")
            odd = json.dumps(mutated(json.loads(data), rng)) if data and data != "[DONE]" else data
            blocks.append(head + mark + odd)
        raw = "\n\n".join(blocks).encode()
        whole, cut = codec.open_stream(Restoration()), codec.open_stream(Restoration())
        expected = whole.feed(raw) + whole.close()
        assert b"".join([cut.feed(raw[i : i + 7]) for i in range(0, len(raw), 7)]) + cut.close() == expected

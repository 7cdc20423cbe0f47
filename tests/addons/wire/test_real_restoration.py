"""The codecs with the real masking session: what goes out masked comes back as it was, streamed or whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec
from detectors.spans import Span
from tests.addons.wire import positions, positions_anthropic
from tests.addons.wire.test_positions import collected

NAME = '王秀英 "Mia" Jansen'
CASES: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_request, positions.openai_reply, positions.openai_stream, id="openai"),
    pytest.param(
        AnthropicMessages(),
        positions_anthropic.anthropic_request,
        positions_anthropic.anthropic_reply,
        positions_anthropic.anthropic_stream,
        id="anthropic",
    ),
]


@pytest.mark.parametrize(("codec", "request_of", "reply_of", "stream_of"), CASES)
def test_round_trip(codec: Codec, request_of: Any, reply_of: Any, stream_of: Any) -> None:
    session = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
    placeholder = session.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])
    body = positions.fill(request_of()[0], lambda _: f"to {NAME}.")
    request = codec.parse_request(json.dumps(body).encode())
    texts = {}
    for i, segment in enumerate(request.segments):
        at = segment.text.find(NAME)
        if at >= 0:
            texts[i] = session.mask(segment.text, [Span(at, at + len(NAME), "PERSON", 0.9, "test")])
    sent = request.encode(texts)
    assert "王秀英" not in json.dumps(json.loads(sent), ensure_ascii=False)
    assert b"\\u738b" not in sent
    reply, _ = codec.restore_reply(json.dumps(reply_of(f"Dear {placeholder},")).encode(), session.restoration())
    assert json.loads(reply) == reply_of(f"Dear {NAME},")
    for size in (1, 4, 50):
        stream = codec.open_stream(session.restoration())
        out = stream.feed(stream_of(f"{placeholder}, hello", size)) + stream.close()
        assert collected(out) == collected(stream_of(f"{NAME}, hello", size))
        raw = stream_of(f"{placeholder}, hello", size)
        cut = codec.open_stream(session.restoration())
        assert b"".join(cut.feed(raw[i : i + 1]) for i in range(len(raw))) + cut.close() == out

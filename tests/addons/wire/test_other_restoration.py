"""Gemini, Mistral, Cohere and Ollama with the real masking session: what goes out masked comes back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.cohere import Cohere
from addons.wire.gemini import GeminiStreaming
from addons.wire.mistral import Mistral
from addons.wire.ollama import Ollama
from addons.wire.types import Codec
from detectors.spans import Span
from tests.addons.wire import positions, positions_dialects, positions_gemini, test_dialects, test_gemini

NAME = '王秀英 "Mia" Jansen'
GEMINI = GeminiStreaming("gemini.stream_generate_content")
CASES: list[Any] = [
    pytest.param(GEMINI, positions_gemini.gemini_request, positions_gemini.gemini_reply, positions_gemini.gemini_sse),
    pytest.param(GEMINI, positions_gemini.gemini_request, positions_gemini.gemini_reply, positions_gemini.gemini_array),
    pytest.param(
        Mistral(), positions_dialects.mistral_chat, positions_dialects.mistral_reply, positions_dialects.mistral_stream
    ),
    pytest.param(
        Cohere(), positions_dialects.cohere_chat, positions_dialects.cohere_reply, positions_dialects.cohere_stream
    ),
    pytest.param(
        Ollama(), positions_dialects.ollama_chat, positions_dialects.ollama_reply, positions_dialects.ollama_chat_stream
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
    assert "王秀英" not in json.dumps(json.loads(request.encode(texts)), ensure_ascii=False)
    reply, _ = codec.restore_reply(json.dumps(reply_of(f"Dear {placeholder},")).encode(), session.restoration())
    assert json.loads(reply) == reply_of(f"Dear {NAME},")
    together = test_gemini.collected if isinstance(codec, GeminiStreaming) else test_dialects.collected
    for size in (1, 4, 50):
        raw = stream_of(f"{placeholder}, hello", size)
        stream = codec.open_stream(session.restoration())
        out = stream.feed(raw) + stream.close()
        assert together(out) == together(stream_of(f"{NAME}, hello", size))
        cut = codec.open_stream(session.restoration())
        assert b"".join(cut.feed(raw[i : i + 1]) for i in range(len(raw))) + cut.close() == out

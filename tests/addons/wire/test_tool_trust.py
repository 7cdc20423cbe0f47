"""Every codec says whose tool a call is: what nobody trusts keeps its placeholders, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.masking.outlets import AddressRule, Outlets, ToolTrust
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.cohere import Cohere
from addons.wire.gemini import GeminiStreaming
from addons.wire.mistral import Mistral
from addons.wire.ollama import Ollama
from addons.wire.openai_chat import OpenAIChat
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.types import Codec, Restoration
from detectors.spans import Span
from tests.addons.wire import (
    positions,
    positions_anthropic,
    positions_dialects,
    positions_gemini,
    positions_responses,
)

NAME = "Maria Silva"
STREAMS: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_stream, id="openai.chat"),
    pytest.param(AnthropicMessages(), positions_anthropic.anthropic_stream, id="anthropic"),
    pytest.param(OpenAIResponses(), positions_responses.responses_stream, id="openai.responses"),
    pytest.param(GeminiStreaming("gemini.stream_generate_content"), positions_gemini.gemini_sse, id="gemini"),
    pytest.param(Mistral(), positions_dialects.mistral_stream, id="mistral"),
    pytest.param(Cohere(), positions_dialects.cohere_stream, id="cohere"),
    pytest.param(Ollama(), positions_dialects.ollama_chat_stream, id="ollama"),
]


def flow(trust: ToolTrust) -> tuple[Any, str]:
    session = MaskingSession(PlaceholderKey(b"k" * 32, 1), Scope("t"))
    token = session.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])
    return session.restoration(Outlets(AddressRule.ALWAYS, trust)), token


def restored(codec: Codec, raw: bytes, restoration: Restoration) -> str:
    stream = codec.open_stream(restoration)
    return (stream.feed(raw) + stream.close()).decode()


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_streams(codec: Codec, make: Any) -> None:
    restoration, token = flow(ToolTrust(untrusted=["*"]))
    restored(codec, make(token, 400), restoration)
    withheld = restoration.counts.withheld
    assert 0 < withheld < restoration.counts.seen
    restoration, token = flow(ToolTrust(trusted=["*"]))
    said = restored(codec, make(token, 400), restoration)
    assert restoration.counts.withheld == 0 and token not in said


REPLIES: list[Any] = [
    (OpenAIChat(), lambda p: {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": p}}]}}]}),
    (OpenAIChat(), lambda p: {"choices": [{"message": {"function_call": {"name": "f", "arguments": p}}}]}),
    (
        OpenAIChat(),
        lambda p: {"choices": [{"message": {"tool_calls": [{"type": "custom", "custom": {"name": "f", "input": p}}]}}]},
    ),
    (AnthropicMessages(), lambda p: {"content": [{"type": "tool_use", "name": "f", "input": {"a": p}}]}),
    (OpenAIResponses(), lambda p: {"output": [{"type": "function_call", "name": "f", "arguments": p}]}),
    (OpenAIResponses(), lambda p: {"output": [{"type": "custom_tool_call", "name": "f", "input": p}]}),
    (Mistral(), lambda p: {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": p}}]}}]}),
    (Cohere(), lambda p: {"message": {"tool_calls": [{"function": {"name": "f", "arguments": p}}]}}),
    (Ollama(), lambda p: {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": p}}}]}}),
    (
        GeminiStreaming("gemini.stream_generate_content"),
        lambda p: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": p}}}]}}]},
    ),
]


@pytest.mark.parametrize(("codec", "make"), REPLIES)
def test_whole_replies_of_the_callers_functions(codec: Codec, make: Any) -> None:
    for untrusted, expected in (((), NAME), (("g", "f"), None), (("g",), NAME)):
        restoration, token = flow(ToolTrust(untrusted=untrusted))
        body = json.dumps(make(json.dumps({"to": token}))).encode()
        out = codec.restore_reply(body, restoration)[0].decode()
        assert (expected or token) in out and (token if expected else NAME) not in out


HOSTED: list[Any] = [
    (AnthropicMessages(), lambda p: {"content": [{"type": "server_tool_use", "name": "web_search", "input": p}]}),
    (
        AnthropicMessages(),
        lambda p: {"content": [{"type": "mcp_tool_use", "server_name": "crm", "name": "find", "input": {"a": p}}]},
    ),
    (
        OpenAIResponses(),
        lambda p: {"output": [{"type": "mcp_call", "server_label": "crm", "name": "find", "arguments": f'"{p}"'}]},
    ),
    (OpenAIResponses(), lambda p: {"output": [{"type": "web_search_call", "action": {"query": p}}]}),
    (OpenAIResponses(), lambda p: {"output": [{"type": "code_interpreter_call", "code": p}]}),
    (OpenAIResponses(), lambda p: {"output": [{"type": "file_search_call", "queries": [p]}]}),
    (
        GeminiStreaming("gemini.stream_generate_content"),
        lambda p: {"candidates": [{"content": {"parts": [{"executableCode": {"code": p}}]}}]},
    ),
]
TRUSTED = ["web_search", "mcp:crm/*", "code_interpreter", "file_search", "code_execution"]


@pytest.mark.parametrize(("codec", "make"), HOSTED)
def test_what_the_provider_runs_gets_nothing_unless_it_is_trusted(codec: Codec, make: Any) -> None:
    restoration, token = flow(ToolTrust())
    body = json.dumps(make(token)).encode()
    assert codec.restore_reply(body, restoration)[0] == body
    assert restoration.counts.withheld == 1
    restoration, token = flow(ToolTrust(trusted=TRUSTED))
    assert NAME in codec.restore_reply(body, restoration)[0].decode()

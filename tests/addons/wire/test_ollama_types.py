"""Ollama's tables against the types of ``ollama``: a release with a new field fails here, by name."""

from __future__ import annotations

from typing import Any

import pytest
from ollama import _types as types

from addons.wire import ollama, ollama_stream


@pytest.mark.parametrize(
    ("model", "table", "beyond"),
    [
        (types.ChatRequest, ollama.CHAT_FIELDS, {"truncate", "shift"}),
        (types.GenerateRequest, ollama.GENERATE_FIELDS, {"truncate", "shift"}),
    ],
)
def test_members_of_requests(model: Any, table: Any, beyond: set[str]) -> None:
    assert set(model.model_fields) == set(table) - beyond


def test_members_of_embeddings() -> None:
    assert set(types.EmbedRequest.model_fields) <= set(ollama.EMBED_FIELDS)
    assert set(types.EmbeddingsRequest.model_fields) <= set(ollama.EMBED_FIELDS)


def test_members_of_messages_and_replies() -> None:
    assert set(types.Message.model_fields) <= set(ollama.MESSAGE_FIELDS)
    known = ollama_stream.PLAIN | ollama_stream.COUNTS | {"image", "completed", "total"}
    for model in (types.ChatResponse, types.GenerateResponse):
        assert set(model.model_fields) <= known
    assert set(types.Message.model_fields) <= ollama_stream.PLAIN_MESSAGE | ollama_stream.UNTOUCHED | {"tool_calls"}

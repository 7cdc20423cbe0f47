"""Mistral's tables against the types of ``mistralai``: a release with a new chunk or field fails here, by name."""

from __future__ import annotations

from typing import Any

import pytest
from mistralai.client import models
from mistralai.client.models import contentchunk

from addons.wire import mistral


def names(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_content_chunks() -> None:
    assert set(contentchunk._CONTENT_CHUNK_VARIANTS) | {"tool_reference"} == set(mistral.CHUNKS)


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (models.ChatCompletionRequest, mistral.CHAT_FIELDS),
        (models.FIMCompletionRequest, mistral.FIM_FIELDS),
    ],
)
def test_members_of_requests(model: Any, table: Any) -> None:
    assert names(model) == set(table)


def test_members_of_embeddings() -> None:
    assert names(models.EmbeddingRequest) <= set(mistral.EMBED_FIELDS)


@pytest.mark.parametrize(
    "model",
    [
        models.SystemMessage,
        models.UserMessage,
        models.AssistantMessage,
        models.ToolMessage,
        models.DeltaMessage,
    ],
)
def test_members_of_messages(model: Any) -> None:
    assert names(model) <= set(mistral.MESSAGE_FIELDS)

"""Cohere's tables against the types of ``cohere``: a release with a new part, event or field fails here, by name."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import cohere
import pytest
from cohere.types.assistant_message_v2content_one_item import AssistantMessageV2ContentOneItem
from cohere.types.content import Content
from cohere.types.source import Source
from cohere.types.tool_content import ToolContent
from cohere.v2.client import V2Client
from cohere.v2.types import V2ChatStreamResponse

from addons.wire import cohere as wire
from addons.wire import cohere_stream


def kinds(union: Any) -> set[str]:
    """The values of ``type`` in a union, annotated or not."""
    members = get_args(union)
    if not hasattr(members[0], "model_fields"):
        members = get_args(members[0])
    return {kind for member in members for kind in get_args(member.model_fields["type"].annotation)}


def test_parts_of_contents() -> None:
    found = kinds(Content) | kinds(ToolContent) | kinds(AssistantMessageV2ContentOneItem)
    assert found == set(wire.CONTENT_TYPES)
    assert kinds(Source) == set(wire.SOURCES)
    assert set(cohere.Citation.model_fields) == set(wire.CITATION_FIELDS)


def test_events() -> None:
    known = set(cohere_stream.PIECES) | set(cohere_stream.ENDS) | cohere_stream.CITES | cohere_stream.OTHER
    assert kinds(V2ChatStreamResponse) == known


@pytest.mark.parametrize(
    ("method", "table"),
    [
        (V2Client.chat, wire.CHAT_FIELDS),
        (V2Client.embed, wire.EMBED_FIELDS),
        (V2Client.rerank, wire.RERANK_FIELDS),
    ],
)
def test_members_of_requests(method: Any, table: Any) -> None:
    assert set(inspect.signature(method).parameters) - {"self", "request_options"} == set(table) - {"stream"}


@pytest.mark.parametrize(
    "model",
    [cohere.UserChatMessageV2, cohere.AssistantChatMessageV2, cohere.SystemChatMessageV2, cohere.ToolChatMessageV2],
)
def test_members_of_messages(model: Any) -> None:
    assert set(model.model_fields) <= set(wire.MESSAGE_FIELDS)

"""Gemini's tables against the types of ``google-genai``: a release with a new part, tool or field fails here."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types

from addons.wire import gemini, gemini_content, gemini_stream
from addons.wire.gemini_content import snake

FIELDS: dict[Any, Any] = {
    types.Part: gemini_content.PART_FIELDS,
    types.FunctionCall: gemini_content.FUNCTION_CALL_FIELDS,
    types.PartialArg: gemini_content.PARTIAL_ARG_FIELDS,
    types.FunctionResponse: gemini_content.FUNCTION_RESPONSE_FIELDS,
    types.FunctionResponsePart: gemini_content.FUNCTION_RESPONSE_PART_FIELDS,
    types.Transcription: gemini_content.TRANSCRIPTION_FIELDS,
    types.Tool: gemini_content.TOOL_FIELDS,
    types.Segment: gemini_content.SEGMENT_FIELDS,
    types.GroundingMetadata: gemini_content.GROUNDING_FIELDS,
    types.Candidate: gemini_content.CANDIDATE_FIELDS,
}
OF_THE_SDK = {"http_options", "should_return_http_response", "automatic_function_calling", "automatic_continuation"}
RENAMED = {"model_selection_config": "model_config", "generation_output_config": "output_config"}


def both(table: Any) -> set[str]:
    """The names of a table in the protocol's own spelling; each stands in it in both."""
    names = {snake(name) for name in table}
    assert names <= set(table)
    return names


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: str(model.__name__))
def test_members(model: Any) -> None:
    assert both(FIELDS[model]) == set(model.model_fields)


def test_a_content_has_a_role_and_parts() -> None:
    assert set(types.Content.model_fields) == {"role", "parts"}
    assert set(types.Blob.model_fields) == {"data", "display_name", "mime_type"}
    assert set(types.FileData.model_fields) == {"display_name", "file_uri", "mime_type"}


def test_members_of_a_request() -> None:
    wanted = set(types.GenerateContentConfig.model_fields) - OF_THE_SDK
    known = both(gemini.GENERATE_FIELDS) | both(gemini_content.GENERATION_FIELDS)
    assert {RENAMED.get(name, name) for name in wanted} | {"model", "contents", "generation_config"} == known


def test_members_of_a_reply() -> None:
    of_the_sdk = {"sdk_http_response", "automatic_function_calling_history", "parsed"}
    known = both(gemini_content.REPLY_FIELDS)
    assert set(types.GenerateContentResponse.model_fields) - of_the_sdk == known
    assert {snake(name) for name in gemini_stream.PLAIN_CHUNK} < known
    assert {snake(name) for name in gemini_stream.PLAIN_CANDIDATE} < set(types.Candidate.model_fields)
    assert {snake(name) for name in gemini_stream.PLAIN_PART} < set(types.Part.model_fields)


def test_members_of_embeddings() -> None:
    known = both(gemini.EMBED_FIELDS) | {"http_options", "mime_type", "document_ocr", "audio_track_extraction"}
    assert set(types.EmbedContentConfig.model_fields) <= known

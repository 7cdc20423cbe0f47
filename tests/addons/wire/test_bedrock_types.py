"""The tables against botocore's service model: a release with a new block, event or field fails here, by name."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from addons.wire import bedrock_converse, bedrock_stream
from addons.wire.eventstream import MAX_HEADERS, MAX_PAYLOAD


@pytest.fixture(scope="module")
def model() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def members(model: Any, shape: str) -> set[str]:
    return set(model.shape_for(shape).members)


def test_requests_and_replies(model: Any) -> None:
    for operation in ("Converse", "ConverseStream"):
        shape = model.operation_model(operation).input_shape
        assert set(shape.members) - {"modelId"} == set(bedrock_converse.REQUEST_FIELDS)
    assert set(model.operation_model("Converse").output_shape.members) == set(bedrock_converse.REPLY_FIELDS)


@pytest.mark.parametrize(
    ("shape", "table"),
    [
        ("ContentBlock", bedrock_converse.BLOCKS),
        ("SystemContentBlock", bedrock_converse.SYSTEM_BLOCKS),
        ("ToolResultContentBlock", bedrock_converse.TOOL_RESULT_CONTENT),
        ("Tool", bedrock_converse.TOOLS),
        ("Citation", bedrock_converse.CITATION_FIELDS),
    ],
)
def test_blocks(model: Any, shape: str, table: Any) -> None:
    assert members(model, shape) == set(table)


def test_events_and_deltas(model: Any) -> None:
    stream = model.shape_for("ConverseStreamOutput").members
    assert {name for name, one in stream.items() if one.serialization.get("event")} == bedrock_stream.EVENTS
    known = bedrock_stream.RUNS | bedrock_stream.VERBATIM | bedrock_stream.WHOLE
    assert members(model, "ContentBlockDelta") == known
    assert members(model, "ReasoningContentBlockDelta") == {"text", "redactedContent", "signature"}
    assert members(model, "ResponseStream") - set(stream) == {"chunk", "modelTimeoutException"}


def test_operations(model: Any) -> None:
    assert set(model.operation_names) == {
        "ApplyGuardrail",
        "Converse",
        "ConverseStream",
        "CountTokens",
        "GetAsyncInvoke",
        "InvokeGuardrailChecks",
        "InvokeModel",
        "InvokeModelWithBidirectionalStream",
        "InvokeModelWithResponseStream",
        "ListAsyncInvokes",
        "StartAsyncInvoke",
    }
    assert model.shape_for("ToolUseType").enum == [bedrock_stream.HOSTED]


def test_limits_are_those_of_aws() -> None:
    from botocore import eventstream

    assert (MAX_HEADERS, MAX_PAYLOAD) == (eventstream._MAX_HEADERS_LENGTH, eventstream._MAX_PAYLOAD_LENGTH)

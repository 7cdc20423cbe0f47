"""Position matrix of Bedrock: a request and a reply of Converse with a marker in every text path."""

from __future__ import annotations

from typing import Any

from tests.addons.wire.positions import KEEP, Marks, dump


def converse_request() -> tuple[dict[str, Any], int]:
    """A Converse request, and how many markers there are in it."""
    m = Marks()
    s3 = {"s3Location": {"uri": "s3://bucket/" + m(), "bucketOwner": "111122223333"}}
    blocks: list[dict[str, Any]] = [
        {"text": m()},
        {"text": m()},
        {"image": {"format": "png", "source": {"bytes": KEEP}}},
        {"image": {"format": "png", "source": s3, "error": {"message": m()}}},
        {"document": {"format": "pdf", "name": m(), "source": {"bytes": KEEP}, "context": m()}},
        {"document": {"format": "txt", "name": m(), "source": {"text": m()}, "citations": {"enabled": True}}},
        {"document": {"format": "txt", "name": "doc", "source": {"content": [{"text": m()}]}}},
        {"video": {"format": "mp4", "source": {"bytes": KEEP}}},
        {"audio": {"format": "wav", "source": {"bytes": KEEP}, "error": {"message": m()}}},
        {"guardContent": {"text": {"text": m(), "qualifiers": ["guard_content"]}}},
        {"guardContent": {"image": {"format": "png", "source": {"bytes": KEEP}}}},
        {"cachePoint": {"type": "default", "ttl": "5m"}},
        {"searchResult": {"source": m(), "title": m(), "content": [{"text": m()}], "citations": {"enabled": True}}},
        {"hologram": {"caption": m(), "id": KEEP, "signature": KEEP}},
        {
            "toolResult": {
                "toolUseId": KEEP,
                "status": "success",
                "content": [
                    {"text": m()},
                    {"json": {"found": m(), m(): 1, "inner": dump({"a": m()})}},
                    {"document": {"format": "md", "name": m(), "source": {"text": m()}}},
                    {"searchResult": {"source": m(), "title": m(), "content": [{"text": m()}]}},
                    {"image": {"format": "png", "source": {"bytes": KEEP}}},
                ],
            }
        },
    ]
    citation = {
        "title": m(),
        "source": m(),
        "sourceContent": [{"text": m()}],
        "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
    }
    web = {"location": {"web": {"url": "https://example.com/" + m(), "domain": m()}}}
    said: list[dict[str, Any]] = [
        {"reasoningContent": {"reasoningText": {"text": KEEP, "signature": KEEP}}},
        {"reasoningContent": {"redactedContent": KEEP}},
        {"reasoningContent": {"reasoningText": {"text": m()}}},
        {"text": m()},
        {"toolUse": {"toolUseId": KEEP, "name": KEEP, "input": {"to": m(), "deep": [{"x": m()}]}}},
        {"citationsContent": {"content": [{"text": m()}], "citations": [citation, web]}},
    ]
    schema = {"type": "object", "description": m(), "properties": {"a": {"description": m(), "enum": [m()]}}}
    body = {
        "messages": [{"role": "user", "content": blocks}, {"role": "assistant", "content": said}],
        "system": [{"text": m()}, {"guardContent": {"text": {"text": m()}}}, {"cachePoint": {"type": "default"}}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "stopSequences": [m()]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": KEEP, "description": m(), "inputSchema": {"json": schema}}},
                {"systemTool": {"name": "nova_grounding"}},
            ],
            "toolChoice": {"tool": {"name": KEEP}},
        },
        "guardrailConfig": {"guardrailIdentifier": KEEP, "guardrailVersion": "1", "trace": "enabled"},
        "additionalModelRequestFields": {"top_k": 200, "note": m()},
        "promptVariables": {"name": {"text": m()}},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "requestMetadata": {"team": m(), m(): "x"},
        "performanceConfig": {"latency": "standard"},
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": dump({"description": m()}), "name": KEEP, "description": m()}},
            }
        },
        "hologram": {"who": m()},
    }
    return body, m.count


def converse_reply() -> tuple[dict[str, Any], int]:
    """A Converse reply, and how many markers there are in it."""
    m = Marks()
    citation = {
        "title": m(),
        "source": m(),
        "sourceContent": [{"text": m()}],
        "location": {"documentPage": {"start": 1}},
    }
    blocks = [
        {"reasoningContent": {"reasoningText": {"text": KEEP, "signature": KEEP}}},
        {"text": m()},
        {"toolUse": {"toolUseId": KEEP, "name": KEEP, "input": {"to": m(), "inner": dump({"a": m()})}}},
        {"citationsContent": {"content": [{"text": m()}], "citations": [citation]}},
        {"hologram": {"caption": m()}},
    ]
    found = {"inputAssessment": {"x": {"wordPolicy": {"customWords": [{"match": m()}]}}}, "modelOutput": [m()]}
    body = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
        "metrics": {"latencyMs": 1},
        "additionalModelResponseFields": {"stop_sequence": m()},
        "trace": {"guardrail": found},
    }
    return body, m.count

"""Google's Gemini API as it looks on the wire, at ``generativelanguage`` and in Vertex's paths. Pure.

Shapes from the types of the ``google-genai`` package and the REST reference.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.formats import ApiError, Ids, dump
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens

METHOD = re.compile(r".*/(?:models|tunedModels|endpoints)/(?P<model>[^/:]+):(?P<method>\w+)")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
SIGNATURE = "CpcBAdHtim9Qc2lnbmF0dXJl"


def error_body(status: int, message: str) -> dict[str, Any]:
    word = _STATUS.get(status, "INTERNAL")
    return {"error": {"code": status, "message": message, "status": word}}


def answered(path: str, query: str, body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to a method of a model. Raises ApiError as the provider would."""
    found = METHOD.fullmatch(path)
    if found is None:
        raise ApiError(404, f"Method not found: {path}")
    match found["method"]:
        case "generateContent":
            return Reply(200, [dump(_whole(body, found["model"], manner, ids), manner.ascii)], JSON)
        case "streamGenerateContent":
            return _stream(body, found["model"], "alt=sse" in query, manner, ids)
        case "countTokens":
            return Reply(200, [dump({"totalTokens": tokens(json.dumps(body, ensure_ascii=False))})], JSON)
        case "embedContent":
            return Reply(200, [dump({"embedding": _vector(body.get("content"))})], JSON)
        case "batchEmbedContents":
            vectors = [_vector(one.get("content")) for one in body.get("requests", [])]
            return Reply(200, [dump({"embeddings": vectors})], JSON)
        case "predict":
            predictions = [{"embeddings": _vector(one)} for one in body.get("instances", [])]
            return Reply(200, [dump({"predictions": predictions})], JSON)
    raise ApiError(404, f"Method not found: {path}")


JSON = "application/json; charset=UTF-8"


def asked(body: Mapping[str, Any]) -> Asked:
    """What a request asks. Raises ApiError as the provider would."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise ApiError(400, "* GenerateContentRequest.contents: contents is not specified")
    parts = contents[-1].get("parts") or []
    results = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    if results:
        return Asked(json.dumps(results[0], ensure_ascii=False), "tool")
    text = "\n".join(part["text"] for part in parts if "text" in part)
    declared = [one for tool in body.get("tools") or [] for one in _either(tool, "functionDeclarations") or []]
    tools = [(one["name"], one.get("parameters") or _either(one, "parametersJsonSchema") or {}) for one in declared]
    config = body.get("generationConfig") or {}
    return Asked(text, "user", [(name, _lowered(schema)) for name, schema in tools], "responseSchema" in config)


def _lowered(schema: Any) -> Any:
    """The schema with its types in JSON Schema's spelling."""
    if isinstance(schema, dict):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _lowered(value)
            for key, value in schema.items()
        }
    return schema


def _whole(body: Mapping[str, Any], model: str, manner: Manner, ids: Ids) -> dict[str, Any]:
    said = answer(asked(body), manner.say, manner.tool_calls)
    parts: list[dict[str, Any]] = [{"text": f"Thinking of: {said.text}", "thought": True}] if _thinks(body) else []
    parts += _calls(said) or [{"text": said.text}]
    candidate = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": "STOP",
        "index": 0,
        "groundingMetadata": _grounding(said.text),
    }
    return {"candidates": [candidate], **_base(body, said, model, ids)}


def _thinks(body: Mapping[str, Any]) -> bool:
    config = _either(body.get("generationConfig") or {}, "thinkingConfig") or {}
    return bool(_either(config, "includeThoughts"))


def _either(given: Mapping[str, Any], name: str) -> Any:
    """A member in either spelling of protobuf JSON: the SDK uses both in one body."""
    return given.get(name, given.get(re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)))


def _calls(said: Answer) -> list[dict[str, Any]]:
    return [
        {"functionCall": {"name": call.name, "args": call.arguments}, "thoughtSignature": SIGNATURE}
        for call in said.calls
    ]


def _grounding(text: str) -> dict[str, Any]:
    """One segment: the words from the third on, in bytes."""
    words = text.split(" ", 2)
    start = len(" ".join(words[:2]).encode()) + 1 if len(words) > 2 else 0
    quote = words[-1] if len(words) > 2 else text
    segment = {"startIndex": start, "endIndex": start + len(quote.encode()), "text": quote}
    return {
        "groundingChunks": [{"web": {"uri": "https://example.com/page", "title": quote}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
        "webSearchQueries": [text],
    }


def _base(body: Mapping[str, Any], said: Answer, model: str, ids: Ids) -> dict[str, Any]:
    came, went = tokens(json.dumps(body, ensure_ascii=False)), tokens(said.text)
    return {
        "usageMetadata": {"promptTokenCount": came, "candidatesTokenCount": went, "totalTokenCount": came + went},
        "modelVersion": model,
        "responseId": ids.new("resp"),
    }


def _stream(body: Mapping[str, Any], model: str, sse: bool, manner: Manner, ids: Ids) -> Reply:
    chunks = [
        json.dumps(chunk, ensure_ascii=manner.ascii, indent=None if sse else 2)
        for chunk in _chunks(body, model, manner, ids)
    ]
    if sse:
        return Reply(200, [f"data: {chunk}\r\n\r\n".encode() for chunk in chunks], "text/event-stream", stream=True)
    pieces = [("[" if at == 0 else ",\r\n") + chunk for at, chunk in enumerate(chunks)]
    return Reply(200, [*(piece.encode() for piece in pieces), b"\n]\n"], JSON, stream=True)


def _chunks(body: Mapping[str, Any], model: str, manner: Manner, ids: Ids) -> Iterator[dict[str, Any]]:
    said = answer(asked(body), manner.say, manner.tool_calls)
    base = _base(body, said, model, ids)

    def chunk(part: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0, **more}], **base}

    if _thinks(body):
        for piece in cut(f"Thinking of: {said.text}", manner.piece):
            yield chunk({"text": piece, "thought": True})
    if said.calls:
        for part in _calls(said):
            yield chunk(part)
    else:
        for piece in cut(said.text, manner.piece):
            yield chunk({"text": piece})
    yield chunk({"text": ""}, finishReason="STOP", groundingMetadata=_grounding(said.text))


def _vector(content: Any) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).digest()[:4]
    return {"values": [byte / 256 for byte in digest]}

"""Cohere's v2 chat, embed and rerank as they look on the wire. Pure.

Shapes from the types of the ``cohere`` package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.formats import ApiError, Ids, dump, event, words_of
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens


def error_body(message: str) -> dict[str, Any]:
    return {"id": "00000000-0000-0000-0000-000000000001", "message": message}


def asked(body: Mapping[str, Any]) -> Asked:
    """What a chat asks. Raises ApiError as the provider would."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "invalid request: messages must be provided")
    last = messages[-1]
    content = last.get("content")
    documents = (
        [part["document"]["data"] for part in content if "document" in part] if isinstance(content, list) else []
    )
    text = json.dumps(documents[0], ensure_ascii=False) if documents else words_of(content)
    if last.get("role") == "tool":
        return Asked(text, "tool")
    tools = [(tool["function"]["name"], tool["function"].get("parameters") or {}) for tool in body.get("tools") or []]
    return Asked(text, "user", tools)


def chat(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to ``POST /v2/chat``, whole or streamed."""
    said = answer(asked(body), manner.say, manner.tool_calls)
    plan = f"I will use a tool for: {said.text}" if said.calls else None
    calls = [
        {
            "id": ids.new("call_"),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=manner.ascii)},
        }
        for call in said.calls
    ]
    cites = _citations(said.text, body.get("documents") or []) if not calls else []
    counts = {"input_tokens": tokens(json.dumps(body, ensure_ascii=False)), "output_tokens": tokens(said.text)}
    usage = {"billed_units": counts, "tokens": counts}
    finish = "TOOL_CALL" if calls else "COMPLETE"
    if body.get("stream"):
        return Reply(200, list(_events(said, plan, calls, cites, finish, usage, manner, ids)), SSE, stream=True)
    message: dict[str, Any] = {"role": "assistant"}
    if calls:
        message |= {"tool_plan": plan, "tool_calls": calls}
    else:
        message |= {"content": [{"type": "text", "text": said.text}], "citations": cites}
    whole = {"id": ids.new(""), "finish_reason": finish, "message": message, "usage": usage}
    return Reply(200, [dump(whole, manner.ascii)])


SSE = "text/event-stream"


def _citations(text: str, documents: list[Any]) -> list[dict[str, Any]]:
    """One per document: the words of the text from the third on, in code points."""
    words = text.split(" ", 2)
    start = len(" ".join(words[:2])) + 1 if len(words) > 2 else 0
    return [
        {
            "start": start,
            "end": len(text),
            "text": text[start:],
            "sources": [
                {
                    "type": "document",
                    "id": f"doc:{at}",
                    "document": document.get("data") if isinstance(document, dict) else {"text": document},
                }
            ],
            "type": "TEXT_CONTENT",
            "content_index": 0,
        }
        for at, document in enumerate(documents)
    ]


def _events(
    said: Answer, plan: str | None, calls: Any, cites: Any, finish: str, usage: Any, manner: Manner, ids: Ids
) -> Iterator[bytes]:
    def one(kind: str, message: Any = None, **more: Any) -> bytes:
        data = {"type": kind, **more}
        if message is not None:
            data["delta"] = {"message": message}
        return event(data, kind, manner.ascii)

    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield one("message-start", start, id=ids.new(""))
    for piece in cut(plan or "", manner.piece):
        yield one("tool-plan-delta", {"tool_plan": piece})
    for at, call in enumerate(calls):
        opening = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        yield one("tool-call-start", {"tool_calls": opening}, index=at)
        for piece in cut(call["function"]["arguments"], manner.piece):
            yield one("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=at)
        yield one("tool-call-end", index=at)
    if not calls:
        yield one("content-start", {"content": {"type": "text", "text": ""}}, index=0)
        for piece in cut(said.text, manner.piece):
            yield one("content-delta", {"content": {"text": piece}}, index=0)
        yield one("content-end", index=0)
        for at, cite in enumerate(cites):
            yield one("citation-start", {"citations": cite}, index=at)
            yield one("citation-end", index=at)
    yield event({"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}}, "message-end")


def embed(body: Mapping[str, Any], ids: Ids) -> Reply:
    """The reply to ``POST /v2/embed``."""
    texts = [str(text) for text in body.get("texts") or []]
    vectors = [[byte / 256 for byte in hashlib.sha256(text.encode()).digest()[:4]] for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 1}}
    whole = {
        "id": ids.new(""),
        "embeddings": {"float": vectors},
        "texts": texts,
        "meta": meta,
        "response_type": "embeddings_by_type",
    }
    return Reply(200, [dump(whole)])


def rerank(body: Mapping[str, Any], ids: Ids) -> Reply:
    """The reply to ``POST /v2/rerank``: the documents that share most words with the query first."""
    query = set(str(body.get("query", "")).split())
    documents = [set(str(one).split()) for one in body.get("documents") or []]
    order = sorted(range(len(documents)), key=lambda at: (-len(query & documents[at]), at))
    results = [{"index": at, "relevance_score": len(query & documents[at]) / 100} for at in order]
    return Reply(200, [dump({"id": ids.new(""), "results": results, "meta": {"api_version": {"version": "2"}}})])

"""A stand-in for AWS Bedrock: ``Provider`` with Converse, InvokeModel, their streams, and a check of every signature.

Frames are made with ``struct`` and ``zlib`` here, not with the gateway's own framing. Shapes from botocore's service
model. ``Bedrock.signers`` says who signed each request: an access key's id, or ``bearer``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from tests.doubles import anthropic_messages, sigv4
from tests.doubles.formats import ApiError, dump
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
HOSTS = (HOST, "bedrock-agent-runtime.us-east-1.amazonaws.com", "bedrock-mantle.us-east-1.api.aws")
EVENTSTREAM = "application/vnd.amazon.eventstream"
_MODEL = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)")


def frame(kind: str, name: str, payload: bytes) -> bytes:
    """One message of an event stream."""
    named = [(f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)]
    head = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in named
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    return prelude + head + payload + struct.pack("!I", zlib.crc32(prelude + head + payload))


def event(name: str, data: Any, ascii_only: bool = False) -> bytes:
    return frame("event", name, dump({**data, "p": "abcdefghijklmnopqrstuvwxyz"}, ascii_only))


class Bedrock(Provider):
    """The double, on a loopback port, for the length of a ``with`` block."""

    def __init__(self, secrets: Mapping[str, str], **options: Any) -> None:
        super().__init__(**{"hosts": HOSTS, **options})
        self.secrets = dict(secrets)
        self.signers: list[str] = []
        self.fail_after: int | None = None
        """An exception after this many events of a Converse stream."""
        self.spoil_at: int | None = None
        """The event of a Converse stream whose checksum is wrong."""

    def clear(self) -> None:
        super().clear()
        self.signers.clear()
        self.fail_after = self.spoil_at = None

    def _reply(self, request: Request, manner: Manner) -> Reply:
        self.signers.append(self._signer(request))
        found = _MODEL.fullmatch(request.path)
        if found is None:
            raise ApiError(404, "UnknownOperationException")
        body, operation = json.loads(request.body), found[2]
        if manner.status is not None:
            raise ApiError(manner.status, f"Malformed input: {json.dumps(body, ensure_ascii=False)}")
        if operation == "count-tokens":
            counted = body["input"].get("converse") or json.loads(
                base64.b64decode(body["input"]["invokeModel"]["body"])
            )
            return Reply(200, [dump({"inputTokens": tokens(json.dumps(counted, ensure_ascii=False))})])
        if operation.startswith("converse"):
            return self._converse(body, manner, streamed=operation == "converse-stream")
        return self._invoke(unquote(found[1]), body, manner, streamed=operation != "invoke")

    def _signer(self, request: Request) -> str:
        if request.header("authorization").startswith("Bearer "):
            return "bearer"
        try:
            return sigv4.verify(request.method, request.target, request.headers, request.body, self.secrets)[0]
        except sigv4.BadSignature as error:
            self.signers.append("refused")
            raise ApiError(403, f"The request signature we calculated does not match: {error}") from None

    def _refuse(self, request: Request, status: int, message: str) -> Reply:
        kind = {403: "InvalidSignatureException", 404: "ResourceNotFoundException"}.get(status, "ValidationException")
        return Reply(status, [dump({"message": message})], headers=[("x-amzn-errortype", kind)])

    def _converse(self, body: Mapping[str, Any], manner: Manner, *, streamed: bool) -> Reply:
        said, cites = answer(_asked(body), manner.say, manner.tool_calls), _citations(body)
        usage = {"inputTokens": 7, "outputTokens": tokens(said.text), "totalTokens": 7 + tokens(said.text)}
        stop = "tool_use" if said.calls else "end_turn"
        thought = "They ask." if body.get("additionalModelRequestFields") else ""
        if streamed:
            pieces = list(_events(said, thought, cites, stop, usage, manner))
            if self.fail_after is not None:
                failed = dump({"message": f"Failed at: {said.text}"})
                pieces = [*pieces[: self.fail_after], frame("exception", "modelStreamErrorException", failed)]
            if self.spoil_at is not None:
                spoiled = bytearray(pieces[self.spoil_at])
                spoiled[-1] ^= 1
                pieces[self.spoil_at] = bytes(spoiled)
            return Reply(200, pieces, EVENTSTREAM, stream=True)
        content: list[dict[str, Any]] = []
        if thought:
            content.append({"reasoningContent": {"reasoningText": {"text": thought, "signature": sign(thought)}}})
        content.append(
            {"citationsContent": {"content": [{"text": said.text}], "citations": cites}}
            if cites
            else {"text": said.text}
        )
        content += [
            {"toolUse": {"toolUseId": self._ids.new("tooluse_"), "name": call.name, "input": call.arguments}}
            for call in said.calls
        ]
        message = {"role": "assistant", "content": content}
        whole = {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}
        return Reply(200, [dump(whole, manner.ascii)])

    def _invoke(self, model: str, body: Mapping[str, Any], manner: Manner, *, streamed: bool) -> Reply:
        if "anthropic" in model:
            reply = anthropic_messages.messages({"model": model, **body, "stream": streamed}, manner, self._ids)
            if not streamed:
                return reply
            documents = [piece.partition(b"data: ")[2].strip() for piece in reply.pieces]
        elif "titan-embed" in model:
            vector = [byte / 256 for byte in hashlib.sha256(body["inputText"].encode()).digest()[:4]]
            return Reply(200, [dump({"embedding": vector, "inputTextTokenCount": 3})])
        elif "nova" in model:
            reply = self._converse(body, manner, streamed=False)
            if not streamed:
                return reply
            said = answer(_asked(body), manner.say)
            documents = [
                dump({"messageStart": {"role": "assistant"}}),
                *[
                    dump({"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}})
                    for piece in cut(said.text, manner.piece)
                ],
                dump({"contentBlockStop": {"contentBlockIndex": 0}}),
                dump({"messageStop": {"stopReason": "end_turn"}}),
            ]
        else:
            text = f"You wrote: {body.get('prompt') or body.get('inputText') or body.get('message')}"
            if not streamed:
                return Reply(200, [dump({"generation": text, "stop_reason": "stop"})])
            pieces = cut(text, manner.piece)
            documents = [
                dump({"generation": piece, "stop_reason": "stop" if at == len(pieces) - 1 else None})
                for at, piece in enumerate(pieces)
            ]
        chunks = [event("chunk", {"bytes": base64.b64encode(document).decode()}) for document in documents]
        return Reply(200, chunks, EVENTSTREAM, stream=True)


def sign(thinking: str) -> str:
    """What the double signs reasoning with."""
    return base64.b64encode(hashlib.sha256(thinking.encode()).digest()).decode()


def _asked(body: Mapping[str, Any]) -> Asked:
    for message in body["messages"]:
        for block in message["content"]:
            said = block.get("reasoningContent", {}).get("reasoningText")
            if said and said.get("signature") != sign(said["text"]):
                raise ApiError(400, "The signature of a reasoning block is invalid")
    content = body["messages"][-1]["content"]
    offered = (body.get("toolConfig") or {}).get("tools") or []
    tools = [(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"]) for tool in offered]
    results = [block["toolResult"] for block in content if "toolResult" in block]
    if results:
        parts = [part for result in results for part in result["content"]]
        text = "\n".join(part.get("text") or json.dumps(part["json"], ensure_ascii=False) for part in parts)
        return Asked(text, "tool", tools)
    return Asked("".join(block.get("text", "") for block in content), "user", tools)


def _citations(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    documents = [block["document"] for block in body["messages"][-1]["content"] if "document" in block]
    return [
        {
            "title": one["name"],
            "sourceContent": [{"text": one["source"].get("text", "")}],
            "location": {"documentChar": {"documentIndex": at, "start": 0, "end": len(one["source"].get("text", ""))}},
        }
        for at, one in enumerate(documents)
    ]


def _events(said: Answer, thought: str, cites: Any, stop: str, usage: Any, manner: Manner) -> Iterator[bytes]:
    at = 0
    yield event("messageStart", {"role": "assistant"})
    if thought:
        for delta in ({"text": thought}, {"signature": sign(thought)}):
            yield event("contentBlockDelta", {"contentBlockIndex": at, "delta": {"reasoningContent": delta}})
        yield event("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    for piece in cut(said.text, manner.piece):
        yield event("contentBlockDelta", {"contentBlockIndex": at, "delta": {"text": piece}}, manner.ascii)
    for cite in cites:
        yield event("contentBlockDelta", {"contentBlockIndex": at, "delta": {"citation": cite}}, manner.ascii)
    yield event("contentBlockStop", {"contentBlockIndex": at})
    for call in said.calls:
        at += 1
        start = {"toolUse": {"toolUseId": f"tooluse_{at}", "name": call.name}}
        yield event("contentBlockStart", {"contentBlockIndex": at, "start": start})
        for piece in cut(json.dumps(call.arguments, ensure_ascii=manner.ascii), manner.piece):
            yield event("contentBlockDelta", {"contentBlockIndex": at, "delta": {"toolUse": {"input": piece}}})
        yield event("contentBlockStop", {"contentBlockIndex": at})
    yield event("messageStop", {"stopReason": stop})
    yield event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})

"""Gemini Live as it looks on the wire: ``BidiGenerateContent``, which quotes what it was asked. Pure.

Messages are those of ``google.genai.types``; like Google's servers it sends them as binary ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tests.doubles.quoting import cut

HOSTS = ("generativelanguage.googleapis.com", "us-central1-aiplatform.googleapis.com")
_SOUND = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAAAAAA"}}


class Manner(Protocol):
    """How it speaks."""

    piece: int
    say: str | None


class Live:
    """One session."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._setup: dict[str, Any] = {}

    def hello(self) -> Iterator[bytes]:
        return iter(())

    def answer(self, message: Mapping[str, Any]) -> Iterator[bytes]:
        """What the server sends for one message."""
        for one in self._answer({_camel(name): value for name, value in message.items()}):
            yield json.dumps(one, ensure_ascii=False, indent=1).encode()

    def _answer(self, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if "setup" in message:
            self._setup = message["setup"]
            yield {"setupComplete": {}}
        elif "clientContent" in message:
            texts = [part["text"] for turn in message["clientContent"]["turns"] for part in turn["parts"]]
            yield from self._called(texts[-1]) if self._tools() else self._turn(f"You wrote: {texts[-1]}")
        elif "toolResponse" in message:
            (answer,) = (
                message["toolResponse"].get("functionResponses") or message["toolResponse"]["function_responses"]
            )
            yield from self._turn(f"The tool said: {json.dumps(answer['response'], ensure_ascii=False)}")
        elif "text" in message.get("realtimeInput", {}):
            yield from self._turn(f"You wrote: {message['realtimeInput']['text']}")
        elif "realtimeInput" in message:
            yield {"serverContent": {"inputTranscription": {"text": "Hello."}}}

    def _tools(self) -> list[Any]:
        declared = [
            tool.get("functionDeclarations") or tool.get("function_declarations")
            for tool in self._setup.get("tools") or []
        ]
        return declared[0] if declared else []

    def _called(self, text: str) -> Iterator[dict[str, Any]]:
        yield {
            "toolCall": {"functionCalls": [{"id": "call-1", "name": self._tools()[0]["name"], "args": {"text": text}}]}
        }

    def _turn(self, quoted: str) -> Iterator[dict[str, Any]]:
        text = self._manner.say if self._manner.say is not None else quoted
        spoken = "AUDIO" in str(self._setup.get("generationConfig"))
        for piece in cut(text, self._manner.piece):
            if spoken:
                yield {"serverContent": {"modelTurn": {"parts": [_SOUND]}}}
                yield {"serverContent": {"outputTranscription": {"text": piece}}}
            else:
                yield {"serverContent": {"modelTurn": {"parts": [{"text": piece}]}}}
        yield {"serverContent": {"generationComplete": True}}
        usage = {"promptTokenCount": 11, "responseTokenCount": 7, "totalTokenCount": 18}
        yield {"serverContent": {"turnComplete": True}, "usageMetadata": usage}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)

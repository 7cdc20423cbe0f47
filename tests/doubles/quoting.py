"""What a double says: it quotes what it was asked, so that one sees what arrived and what comes back. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]*_[0-9A-HJKMNP-TV-Z]{8,12}\b", re.ASCII)
_WORD = re.compile(r"[^\s\"',;:!?()\[\]{}<>，。；：！？（）]+")
_HOW_MANY = re.compile(r"call (\d+) tools")
_PROSE = {"text", "body", "message", "content", "query", "note", "prompt"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks, whatever its wire format."""

    text: str
    """The last message's text."""
    role: str
    """Whose: ``user`` or ``tool``."""
    tools: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Name and JSON schema of the tools that may be called now."""
    as_json: bool = False
    """A JSON document is wanted as the answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, whatever its wire format."""

    text: str
    calls: Sequence[Call] = ()


def answer(asked: Asked, say: str | None = None, tool_calls: int | None = None) -> Answer:
    """The answer: the text quoted, and tools called if there are any and the last word is not a tool's own result."""
    quoted = say if say is not None else ("The tool said: " if asked.role == "tool" else "You wrote: ") + asked.text
    if asked.as_json:
        quoted = json.dumps({"answer": quoted, "words": seen(asked.text)["words"]}, ensure_ascii=False)
    count = tool_calls
    if count is None:
        told = _HOW_MANY.search(asked.text)
        count = int(told[1]) if told else 1
    if not asked.tools or (asked.role == "tool" and tool_calls is None):
        return Answer(quoted)
    chosen = [asked.tools[i % len(asked.tools)] for i in range(count)]
    return Answer(quoted, [Call(name, arguments(schema, asked.text, i)) for i, (name, schema) in enumerate(chosen)])


def seen(text: str) -> dict[str, Any]:
    """All that stands in a text, as nested JSON, with one JSON document inside a string."""
    found = [*_EMAIL.findall(text), *_PLACEHOLDER.findall(text)]
    words = _WORD.findall(text)
    inner = json.dumps({"text": text, "found": found}, ensure_ascii=False)
    return {"text": text, "found": found, "words": words, "nested": {"list": [{"text": text}], "json": inner}}


def arguments(schema: Mapping[str, Any], text: str, shift: int = 0) -> dict[str, Any]:
    """Arguments for a tool: its schema's properties filled from the text; without properties, ``seen``."""
    properties = schema.get("properties") or {}
    if not properties:
        return seen(text)
    return {name: _value(name, part, text, shift + at) for at, (name, part) in enumerate(properties.items())}


def _value(name: str, schema: Mapping[str, Any], text: str, at: int) -> Any:
    kind = schema.get("type", "string")
    if schema.get("enum"):
        return schema["enum"][0]
    if kind == "object":
        return arguments(schema, text, at)
    if kind == "array":
        return seen(text)["found"] or seen(text)["words"]
    if kind in {"integer", "number"}:
        return at
    if kind == "boolean":
        return True
    if name in _PROSE:
        return text
    if "json" in name:
        return seen(text)["nested"]["json"]
    emails = _EMAIL.findall(text)
    if emails and ("mail" in name or name in {"to", "recipient"}):
        return emails[0]
    candidates = [*_PLACEHOLDER.findall(text), *emails] or _WORD.findall(text) or [text]
    return candidates[at % len(candidates)]


def cut(text: str, size: int) -> list[str]:
    """The text in pieces of ``size`` code points."""
    return [text[at : at + size] for at in range(0, len(text), max(size, 1))]


def tokens(text: str) -> int:
    """A count of tokens that grows with the text; it is nobody's tokenizer."""
    return max(len(text.encode()) // 4, 1)

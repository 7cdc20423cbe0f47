"""The stream of events that the Responses API sends for given output items of any kind. Pure.

Shapes from the types of the ``openai`` package and its API reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.quoting import cut

type Events = Iterator[tuple[str, dict[str, Any]]]

_STREAMED = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "mcp_call": ("response.mcp_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
    "code_interpreter_call": ("response.code_interpreter_call_code", "code"),
}
"""Items whose one text comes in pieces: the events' name, and the member."""
_PROGRESS = {
    "mcp_call": ("in_progress", "completed"),
    "code_interpreter_call": ("in_progress", "completed"),
    "web_search_call": ("in_progress", "completed"),
    "file_search_call": ("in_progress", "completed"),
    "mcp_list_tools": ("in_progress", "completed"),
}
_PARTS = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "reasoning_text": ("response.reasoning_text", "text"),
}


def numbered(events: Events) -> list[tuple[str, dict[str, Any]]]:
    """The events with their type and sequence number in them."""
    return [(name, {"type": name, "sequence_number": i, **data}) for i, (name, data) in enumerate(events)]


def whole_stream(response: Mapping[str, Any], size: int) -> list[tuple[str, dict[str, Any]]]:
    """All events of one response, its texts in pieces of ``size`` characters."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None}

    def events() -> Events:
        yield "response.created", {"response": begun}
        yield "response.in_progress", {"response": begun}
        for index, item in enumerate(response["output"]):
            yield from item_events(index, item, size)
        yield "response.completed", {"response": dict(response)}

    return numbered(events())


def item_events(index: int, item: Mapping[str, Any], size: int) -> Events:
    """One output item, from its beginning to its end."""
    kind = item["type"]
    where = {"item_id": item.get("id", ""), "output_index": index}
    yield "response.output_item.added", {"output_index": index, "item": _opened(item)}
    first, last = _PROGRESS.get(kind, ("", ""))
    if first:
        yield f"response.{kind}.{first}", where
    if kind in _STREAMED:
        yield from _pieces(*_STREAMED[kind], item, where, size)
    for number, part in enumerate(item.get("summary") or []):
        here = {**where, "summary_index": number}
        yield "response.reasoning_summary_part.added", {**here, "part": {**part, "text": ""}}
        yield from _pieces("response.reasoning_summary_text", "text", part, here, size)
        yield "response.reasoning_summary_part.done", {**here, "part": dict(part)}
    content = item.get("content")
    for number, part in enumerate(content if isinstance(content, list) else []):
        here = {**where, "content_index": number}
        name, member = _PARTS[part["type"]]
        yield "response.content_part.added", {**here, "part": _opened(part)}
        yield from _pieces(name, member, part, here, size)
        yield "response.content_part.done", {**here, "part": dict(part)}
    if kind == "shell_call":
        yield from _commands(item["action"]["commands"], index, size)
    if kind == "shell_call_output":
        yield from _console(item["output"], where, size)
    if last:
        yield f"response.{kind}.{last}", where
    yield "response.output_item.done", {"output_index": index, "item": dict(item)}


def _opened(thing: Mapping[str, Any]) -> dict[str, Any]:
    """An item or part as it is when it begins: its texts are empty."""
    empty: dict[str, Any] = {"arguments": "", "input": "", "code": "", "text": "", "refusal": ""}
    lists: dict[str, Any] = {"content": [], "summary": [], "annotations": [], "logprobs": []}
    opened = {key: {**empty, **lists}.get(key, value) for key, value in thing.items()}
    return {**opened, "status": "in_progress"} if "status" in thing else opened


def _pieces(name: str, member: str, thing: Mapping[str, Any], where: Mapping[str, Any], size: int) -> Events:
    text = thing[member]
    more: dict[str, Any] = {"logprobs": []} if name == "response.output_text" else {}
    annotations = list(thing.get("annotations") or [])
    tokens = list(thing.get("logprobs") or [])
    at = 0
    for piece in cut(text, size):
        at += len(piece)
        if tokens:
            more = {"logprobs": [{"token": piece, "logprob": -0.5, "top_logprobs": []}]}
        yield f"{name}.delta", {**where, "delta": piece, **more, "obfuscation": "x" * (len(piece) % 5)}
        while annotations and annotations[0].get("end_index", 10**9) <= at:
            yield from _annotation(thing, annotations.pop(0), where)
    for annotation in annotations:
        yield from _annotation(thing, annotation, where)
    yield f"{name}.done", {**where, member: text, **({"logprobs": tokens} if more else {})}


def _annotation(part: Mapping[str, Any], annotation: Mapping[str, Any], where: Mapping[str, Any]) -> Events:
    number = part["annotations"].index(annotation)
    yield (
        "response.output_text.annotation.added",
        {**where, "annotation_index": number, "annotation": dict(annotation)},
    )


def _commands(commands: Sequence[str], index: int, size: int) -> Events:
    for number, command in enumerate(commands):
        here = {"output_index": index, "command_index": number}
        yield "response.shell_call_command.added", {**here, "command": ""}
        for piece in cut(command, size):
            yield "response.shell_call_command.delta", {**here, "delta": piece, "obfuscation": "x"}
        yield "response.shell_call_command.done", {**here, "command": command}


def _console(outputs: Sequence[Mapping[str, Any]], where: Mapping[str, Any], size: int) -> Events:
    for number, output in enumerate(outputs):
        here = {**where, "command_index": number}
        pairs = itertools.zip_longest(cut(output["stdout"], size), cut(output["stderr"], size))
        for stdout, stderr in pairs:
            delta = {"stdout": stdout, "stderr": stderr}
            delta = {name: text for name, text in delta.items() if text is not None}
            yield "response.shell_call_output_content.delta", {**here, "delta": delta}
        yield "response.shell_call_output_content.done", {**here, "output": [dict(output)]}

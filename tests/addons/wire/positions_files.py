"""Every text path of forms, of files' lines and of batches: with a marker at each (see ``positions.py``)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.addons.wire import positions, positions_anthropic, positions_responses
from tests.addons.wire.positions import KEEP, Marks, dump

BOUNDARY = "0b9f3a"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
type Part = tuple[str, str | None, str, str]
"""Name, parameters that name a file, headers besides, content."""


def form(*parts: Part) -> bytes:
    """The bytes of a form."""
    out = []
    for name, filename, headers, content in parts:
        named = "" if filename is None else f"; {filename}"
        head = f'Content-Disposition: form-data; name="{name}"{named}\r\n{headers}'
        out.append(f"--{BOUNDARY}\r\n{head}\r\n{content}\r\n")
    return "".join([*out, f"--{BOUNDARY}--\r\n"]).encode()


def renumbered(fixture: tuple[Any, int], m: Marks) -> Any:
    """A fixture with markers of ``m`` in place of its own."""
    new: dict[str, str] = {}
    return positions.fill(fixture[0], lambda marker: new.setdefault(marker, m()))


def batch_lines(m: Marks) -> str:
    """A batch's input: each endpoint's own positions, and those of the line itself."""
    bodies = [
        ("/v1/chat/completions", renumbered(positions.openai_request(), m)),
        ("/v1/responses", renumbered(positions_responses.responses_request(), m)),
        ("/v1/embeddings", {"model": "m", "input": [m(), m()], "user": m()}),
        ("/v1/completions", {"model": "m", "prompt": m(), "suffix": m(), "stop": [m()]}),
        ("/v1/moderations", {"model": "m", "input": m()}),
        ("/v1/images/generations", {"model": "m", "prompt": m()}),
        ("/v1/videos", {"anything": [m(), {m(): m()}]}),
    ]
    lines = [{"custom_id": m(), "method": "POST", "url": url, "body": body} for url, body in bodies]
    return "\r\n\r\n".join(map(dump, [*lines, {**lines[-1], "custom_id": "request-8", "note": m()}]))


def example_lines(m: Marks) -> str:
    """A file to fine-tune on."""
    said = [{"role": "system", "content": m()}, {"role": "user", "content": [{"type": "text", "text": m()}]}]
    call = {"id": KEEP, "type": "function", "function": {"name": KEEP, "arguments": dump({"to": m()})}}
    answer = [{"role": "assistant", "content": m(), "tool_calls": [call], "weight": 0}]
    tool = {"type": "function", "function": {"name": KEEP, "description": m(), "parameters": {"title": m()}}}
    lines = [
        {"messages": [*said, *answer], "tools": [tool]},
        {"input": {"messages": said}, "preferred_output": answer, "non_preferred_output": answer},
        {"prompt": m(), "completion": m(), "reference": {m(): m()}},
    ]
    return "\n".join(map(dump, lines)) + "\n"


def uploads() -> list[tuple[bytes, int]]:
    """OpenAI's uploads of each kind, and how many markers there are in each."""
    out = []
    kinds: list[tuple[str, str, Callable[[Marks], str]]] = [
        ("batch", "application/jsonl", batch_lines),
        ("fine-tune", "application/octet-stream", example_lines),
        ("user_data", "text/plain", lambda m: f"Dear {m()},\n\n{m()}\n"),
        ("user_data", "application/json", lambda m: json.dumps({"a": [m(), {m(): m()}]}, indent=1, ensure_ascii=False)),
        ("evals", "", lambda m: dump({"item": {"q": m()}}) + "\n" + dump({"item": m()})),
    ]
    for purpose, media, make in kinds:
        m = Marks()
        headers = f"Content-Type: {media}\r\n" if media else ""
        named = f"filename=\"{m()}\"; filename*=UTF-8''{quote(m())}"
        file = ("file", named, headers, make(m))
        out.append((form(file, ("purpose", None, "", purpose), ("of_tomorrow", None, "", m())), m.count))
    return out


def odd_purpose() -> tuple[bytes, int]:
    """A purpose that is none: text of the caller's."""
    m = Marks()
    return form(("purpose", None, "", f"for {m()}"), ("file", f'filename="{m()}"', "", m())), m.count


def message_batch() -> tuple[dict[str, Any], int]:
    """Anthropic's requests of a batch."""
    m = Marks()
    requests = [
        {"custom_id": f"for-{m()}", "params": renumbered(positions_anthropic.anthropic_request(), m)},
        {"custom_id": "request-2", "params": {"model": "m", "system": m(), "messages": []}, "of_tomorrow": m()},
    ]
    return {"requests": requests, m(): m()}, m.count


def result_lines(value: str) -> list[Any]:
    """OpenAI's results of a batch, with ``value`` in every text path."""
    bodies = [
        positions.openai_reply(value),
        positions_responses.responses_reply(value),
        {"object": "text_completion", "choices": [{"text": value, "index": 0}]},
        {"error": {"message": value, "type": "invalid_request_error"}},
    ]
    lines = [
        {"id": KEEP, "custom_id": value, "response": {"status_code": 200, "request_id": KEEP, "body": body}}
        for body in bodies
    ]
    return [*lines, {"id": KEEP, "custom_id": value, "response": None, "error": {"code": KEEP, "message": value}}]


def message_results(value: str) -> list[Any]:
    """Anthropic's, likewise."""
    failed = {"type": "error", "error": {"type": "invalid_request_error", "message": value}, "request_id": KEEP}
    results = [
        {"type": "succeeded", "message": positions_anthropic.anthropic_reply(value)},
        {"type": "errored", "error": failed},
        {"type": "expired"},
    ]
    return [{"custom_id": f"for-{value}", "result": result} for result in results]

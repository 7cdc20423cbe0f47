"""The texts of a stream as a client puts them together, whatever its framing: by place, pieces joined."""

from __future__ import annotations

import base64
import json
from typing import Any

from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

_PLACES = frozenset(
    """index output_index content_index summary_index contentBlockIndex item_id stream_id type thought""".split()  # noqa: SIM905
)
"""Members that tell which text a piece belongs to."""


def events(stream: Any) -> list[tuple[str, Any]]:
    """The documents of a stream, with their frames' names."""
    if not isinstance(stream, bytes):
        return [("", one if isinstance(one, dict) else json.loads(one)) for one in stream]
    if stream[:1] == b"\x00":
        return _frames(stream)
    text = stream.decode()
    if text.startswith("["):
        return [("", one) for one in json.loads(text)]
    found = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("data: {", "{"))]
    return [("", json.loads(one)) for one in found]


def _frames(stream: bytes) -> list[tuple[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    out: list[tuple[str, Any]] = []
    for one in buffer:
        payload = json.loads(one.payload)
        if "bytes" in payload:
            text = base64.b64decode(payload["bytes"]).decode()
            payload = json.loads(text) if text.startswith('{"type') else {"text": text}
        out.append((one.headers.get(":event-type", ""), payload))
    return out


def runs(stream: Any) -> dict[Any, str]:
    """Place -> text."""
    texts: dict[Any, str] = {}

    def walk(value: Any, path: str, where: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            here = tuple((name, value[name]) for name in sorted(_PLACES & set(value)) if not _nested(value[name]))
            for name, child in value.items():
                walk(child, f"{path}.{name}", (*where, here))
        elif isinstance(value, list):
            for child in value:
                walk(child, path + "[]", where)
        elif isinstance(value, str):
            texts[path, where] = texts.get((path, where), "") + value

    for name, document in events(stream):
        walk(document, name, ())
    return texts


def _nested(value: Any) -> bool:
    return isinstance(value, dict | list)

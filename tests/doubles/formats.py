"""What the wire formats of the doubles have in common: JSON bytes, server-sent events, ids."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

CREATED = 1_764_000_000
"""Unix time of every reply: nothing here depends on the clock."""


class Ids:
    """Deterministic ids: the same requests in the same order get the same ones."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}{next(self._count):024d}"


class ApiError(Exception):
    """The provider refuses a request. Its message may quote it, as providers' messages do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def dump(value: Any, ascii_only: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")).encode()


def event(data: Any, name: str | None = None, ascii_only: bool = False) -> bytes:
    """One server-sent event with a JSON payload."""
    line = b"data: " + dump(data, ascii_only) + b"\n\n"
    return f"event: {name}\n".encode() + line if name else line


def words_of(content: Any) -> str:
    """The text of a message's content: a string, or parts of which those with text count."""
    if isinstance(content, str):
        return content
    found: list[str] = []
    for part in content or []:
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            found.append(part["text"])
        elif isinstance(part, Mapping) and "content" in part:
            found.append(words_of(part["content"]))
    return "\n".join(found)

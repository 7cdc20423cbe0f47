"""The generic codec: token ids cannot be read, and are said to be unreadable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.wire.generic import Generic
from addons.wire.types import UnreadableKind


@pytest.mark.parametrize("value", [[1, 2, 3], [[1, 2], [3]]])
@pytest.mark.parametrize("name", ["prompt", "input", "context"])
def test_token_ids_are_unreadable(name: str, value: Any) -> None:
    request = Generic().parse_request(json.dumps({"model": "m", name: value}).encode())
    assert [(part.path, part.kind) for part in request.unreadable] == [(f"$.{name}", UnreadableKind.TOKENS)]


@pytest.mark.parametrize("value", ["text", ["text"], [], ["text", 1]])
def test_text_is_not(value: Any) -> None:
    request = Generic().parse_request(json.dumps({"model": "m", "input": value}).encode())
    assert list(request.unreadable) == []


def test_other_numbers_are_not() -> None:
    assert list(Generic().parse_request(b'{"embedding": [0.1, 0.2], "sizes": [1, 2]}').unreadable) == []

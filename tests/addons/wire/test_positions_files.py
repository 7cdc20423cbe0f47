"""Every text path of forms, of files' lines and of batches: found, replaced, restored; nothing else touched."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from addons.wire import registry
from addons.wire.content import read_body
from addons.wire.types import ParsedRequest
from tests.addons.wire import positions, positions_files
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER, VALUE = "NAME_K3CCCCCC", VALUES["NAME_K3CCCCCC"]
FORMS = [*positions_files.uploads(), positions_files.odd_purpose()]
PROVIDERS = {"openai": FORMS, "anthropic": FORMS[2:]}


def parsed(provider: str, path: str, body: bytes, content_type: str) -> ParsedRequest:
    endpoint = registry.match(provider, "POST", path)
    assert endpoint is not None
    return read_body(endpoint.codec, content_type, body)


def check(request: ParsedRequest, count: int) -> bytes:
    """Every marker is in a segment; answers the body with all of them replaced."""
    found = {marker for one in request.segments for marker in positions.MARKER.findall(one.text)}
    assert found == {f"⟦{i}⟧" for i in range(count)}
    assert not [one.path for one in request.segments if positions.MARKER.search(one.path)]
    return request.encode({i: positions.MARKER.sub("[X]", one.text) for i, one in enumerate(request.segments)})


@pytest.mark.parametrize(
    ("provider", "body", "count"), [(name, *one) for name, forms in PROVIDERS.items() for one in forms]
)
def test_every_marker_of_a_form_is_a_segment_and_is_replaced(provider: str, body: bytes, count: int) -> None:
    request = parsed(provider, "/v1/files", body, positions_files.CONTENT_TYPE)
    assert request.encode({}) == body
    sent = check(request, count)
    assert unquote(sent.decode()) == positions.MARKER.sub("[X]", unquote(body.decode()))


def test_every_marker_of_a_message_batch_is_a_segment_and_is_replaced() -> None:
    body, count = positions_files.message_batch()
    raw = json.dumps(body, ensure_ascii=False, indent=1).encode()
    request = parsed("anthropic", "/v1/messages/batches", raw, "application/json")
    assert request.encode({}) == raw
    assert json.loads(check(request, count)) == json.loads(positions.MARKER.sub("[X]", raw.decode()))


@pytest.mark.parametrize(
    ("provider", "path", "make"),
    [
        ("openai", "/v1/files/file-1/content", positions_files.result_lines),
        ("anthropic", "/v1/messages/batches/msgbatch_1/results", positions_files.message_results),
    ],
)
def test_results_are_restored_in_every_place(provider: str, path: str, make: Any) -> None:
    endpoint = registry.match(provider, "GET", path)
    assert endpoint is not None
    raw = "\n".join(map(json.dumps, make(f"Dear {PLACEHOLDER}!"))).encode() + b"\n"
    restored, facts = endpoint.codec.restore_reply(raw, Restoration())
    assert [json.loads(line) for line in restored.splitlines()] == make(f"Dear {VALUE}!")
    assert facts.complete

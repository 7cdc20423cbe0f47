"""Replies of local servers, made what the caller's SDK needs. Pure.

llama.cpp omits ``message_start`` from an Anthropic stream whose first token is only part of a character, as Chinese
ones and emoji often are; Anthropic's SDKs then fail. The event is put in front of such a stream.
"""

from __future__ import annotations

import json

_LONGEST_HEAD = 64 * 1024
"""A first event longer than this is passed on as it is."""


class MessageStartMender:
    """Puts ``message_start`` in front of an Anthropic event stream that lacks it."""

    def __init__(self, message_id: str, model: str | None) -> None:
        self._id = message_id
        self._model = model
        self._head: bytes | None = b""
        """What came before the first event was whole; None once it is settled."""

    def feed(self, data: bytes) -> bytes:
        """The stream's bytes, with the event in front where it is missing. Holds back the first event until whole."""
        if self._head is None:
            return data
        head = self._head + data
        whole = b"\n\n" in head or b"\r\n\r\n" in head
        if not whole and len(head) < _LONGEST_HEAD:
            self._head = head
            return b""
        self._head = None
        return head if not whole or b'"message_start"' in _first(head) else self._event() + head

    def close(self) -> bytes:
        """What is still held back: a stream without one whole event is passed on as it is."""
        head, self._head = self._head or b"", None
        return head

    def _event(self) -> bytes:
        message: dict[str, object] = {
            "id": f"msg_{self._id}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._model or "",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        data = json.dumps({"type": "message_start", "message": message}, separators=(",", ":"))
        return f"event: message_start\ndata: {data}\n\n".encode()


def _first(head: bytes) -> bytes:
    return head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]

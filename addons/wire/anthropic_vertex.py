"""Anthropic Messages by Vertex AI's paths: ``.../publishers/anthropic/models/X:rawPredict`` and ``:streamRawPredict``.

May import this room only. The body is that of ``anthropic_messages.py`` with an ``anthropic_version`` and without the
model, which stands in the path; replies, events and errors are Anthropic's own.
"""

from __future__ import annotations

from typing import Self

from addons.wire.anthropic_messages import REQUEST_FIELDS, AnthropicMessages
from addons.wire.collect import JsonRequest, parse_json
from addons.wire.rules import NAME, NAMES, fields

_REQUEST = fields({**REQUEST_FIELDS, "anthropic_version": NAME, "anthropic_beta": NAMES})


class AnthropicVertex(AnthropicMessages):
    """``Codec`` of ``anthropic.messages`` and ``anthropic.count_tokens`` at Vertex AI."""

    def __init__(self, name: str = "anthropic.messages", model: str | None = None):
        super().__init__(name)
        self.model = model

    def for_model(self, model: str) -> Self:
        """The codec for a request whose path names that model."""
        return type(self)(self.name, model)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``. Token counts name their model in the body."""
        request = parse_json(body, _REQUEST)
        request.model = request.model or self.model
        return request

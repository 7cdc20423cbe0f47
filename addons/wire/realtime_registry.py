"""Which websocket a path is: one table, beside that of the HTTP endpoints.

May import this room only. What is not here has no codec, so its upgrade is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from addons.wire.gemini_live import GeminiLive
from addons.wire.realtime import Realtime
from addons.wire.realtime_frames import MessageCodec
from addons.wire.responses_socket import ResponsesSocket

_ANY = r"(?:/[\w.-]+)*"
_LIVE = r"/{1,2}ws/google\.[\w.]+(?:\.GenerativeService\.|\.LlmBidiService/)BidiGenerateContent(?:Constrained)?/?"
"""At Google's hosts and Vertex AI's (the Python SDK writes ``//ws``); ephemeral tokens have a method of their own."""


@dataclass(frozen=True, slots=True)
class SocketEndpoint:
    """One path of a provider, with the format of the messages there."""

    name: str
    provider: str
    path: re.Pattern[str]
    codec: Callable[[], MessageCodec]
    """Makes one for a connection."""


SOCKETS: tuple[SocketEndpoint, ...] = (
    SocketEndpoint("openai.realtime", "openai", re.compile(_ANY + r"/realtime(?:/translations)?/?"), Realtime),
    SocketEndpoint("openai.responses.socket", "openai", re.compile(_ANY + r"/responses/?"), ResponsesSocket),
    SocketEndpoint("gemini.live", "google", re.compile(_ANY + _LIVE), GeminiLive),
)
"""Azure's paths are among them: ``/openai/realtime``, ``/openai/v1/realtime``, ``/openai/v1/responses``."""
_OTHERS = frozenset({"anthropic", "google", "mistral", "cohere", "ollama", "bedrock", "mcp"})
"""Providers whose hosts speak no other's dialect."""


def socket_at(provider: str | None, path: str) -> SocketEndpoint | None:
    """The websocket at a path (without query); None if no codec knows it. ``provider`` as in ``registry.match``."""
    spoken = [one for one in SOCKETS if provider not in _OTHERS or one.provider == provider]
    return next((one for one in spoken if one.path.fullmatch(path)), None)

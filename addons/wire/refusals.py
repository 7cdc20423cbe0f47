"""Errors of the gateway itself, in the shape that each provider's SDKs turn into their own exceptions.

May import ``addons.wire.types`` only. ``x-should-retry: false`` keeps the SDKs from sending a refused request again;
a failure of ours (5xx) may be tried again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from addons.wire.types import ErrorReply

STREAM_ERROR = "gateway_stream_error"
"""Code of an error event in mid-stream."""
CODE_HEADER = "x-coatcheck-code"
"""Reply header with the stable code, for clients that read no bodies."""

_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def openai_error(status: int, code: str, message: str) -> dict[str, object]:
    """The body of an OpenAI error."""
    kind = _OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(status: int, code: str, message: str) -> dict[str, object]:
    """The body of an Anthropic error. ``code`` is ours: the API has none, and its SDKs keep what they do not know."""
    kind = _ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message, "code": code}, "request_id": None}


def reply(status: int, code: str, body: Mapping[str, object]) -> ErrorReply:
    """A whole refusal."""
    headers = {"content-type": "application/json", "cache-control": "no-store", CODE_HEADER: code}
    if status < 500:
        headers["x-should-retry"] = "false"
    return ErrorReply(status, headers, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))

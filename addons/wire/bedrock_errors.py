"""Errors in the shape that AWS's SDKs turn into their own exceptions: by a header, a JSON message, an exception frame.

May import this room only.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.eventstream import exception_frame
from addons.wire.refusals import reply
from addons.wire.types import ErrorReply, ReplyFacts

ERROR_TYPE = "x-amzn-errortype"
_TYPES = {
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


def error_type(status: int) -> str:
    """The exception's name for a status, as Bedrock's model has it."""
    return _TYPES.get(status, "InternalServerException" if status >= 500 else "ValidationException")


def bedrock_refusal(status: int, code: str, message: str) -> ErrorReply:
    """A whole refusal. The body's ``code`` is ours: the SDKs keep what they do not know."""
    plain = reply(status, code, {"message": message, "code": code})
    return ErrorReply(status, {**plain.headers, ERROR_TYPE: error_type(status)}, plain.body)


def stream_error(message: str) -> bytes:
    """The frame with which a stream fails: boto3 raises ``EventStreamError``."""
    return exception_frame("modelStreamErrorException", json.dumps({"message": message}, ensure_ascii=False))


def note_error(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """An error's body names its type in ``__type``, or nowhere: then it is known by its message alone."""
    kind = data.get("__type")
    if isinstance(kind, str):
        facts.error_type = kind.rpartition("#")[2]
    elif isinstance(data.get("message", data.get("Message")), str) and not {"output", "role"} & data.keys():
        facts.error_type = "error"

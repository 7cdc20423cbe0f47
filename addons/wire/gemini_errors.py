"""Google's errors, and what a Gemini reply says of itself.

May import this room only. An error is a ``google.rpc.Status`` in JSON: ``{"error": {code, message, status, details}}``.
Source: https://cloud.google.com/apis/design/errors.
"""

from __future__ import annotations

from typing import Any

from addons.wire.openai_stream import count
from addons.wire.types import ReplyFacts

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def google_error(status: int, code: str, message: str) -> dict[str, object]:
    """The body of a Google error. Our own ``code`` is the reason in its ``ErrorInfo``."""
    word = _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code.upper(), "domain": "coatcheck"}
    return {"error": {"code": status, "message": message, "status": word, "details": [info]}}


def note_gemini(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a reply or a chunk states: model, tokens, finish reasons, error."""
    model = data.get("modelVersion", data.get("model_version"))
    if facts.model is None and isinstance(model, str):
        facts.model = model
    usage = data.get("usageMetadata", data.get("usage_metadata"))
    if isinstance(usage, dict):
        facts.input_tokens = count(usage.get("promptTokenCount"), facts.input_tokens)
        said = [value for name in ("candidatesTokenCount", "thoughtsTokenCount") if (value := usage.get(name))]
        if said and all(isinstance(value, int) for value in said):
            facts.output_tokens = sum(said)
    facts.input_tokens = count(data.get("totalTokens"), facts.input_tokens)
    candidates = data.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        reason = candidate.get("finishReason") if isinstance(candidate, dict) else None
        if isinstance(reason, str):
            facts.finish_reasons.append(reason)
    feedback = data.get("promptFeedback")
    blocked = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if isinstance(blocked, str):
        facts.finish_reasons.append(blocked)
    error = data.get("error")
    if isinstance(error, dict):
        kind = error.get("status") or error.get("code")
        facts.error_type = str(kind) if isinstance(kind, str | int) else "error"
    elif error is not None:
        facts.error_type = "error"

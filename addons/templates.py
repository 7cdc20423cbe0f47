"""What of a request may be recorded as it is: path templates and model names. Pure.

A JSON path may hold personal data in its keys (``$.input.maria@example.com``). Only words that are the APIs' own
vocabulary are kept; every other key and every index becomes ``*``.
"""

from __future__ import annotations

import re

_VOCABULARY = frozenset(
    [
        "action",
        "annotations",
        "approximate",
        "args",
        "arguments",
        "assistant",
        "audio",
        "background",
        "blocks",
        "body",
        "candidates",
        "choices",
        "citations",
        "cited_text",
        "city",
        "code",
        "commands",
        "completion",
        "container",
        "content",
        "contents",
        "context",
        "conversation",
        "country",
        "custom",
        "custom_id",
        "data",
        "default",
        "delta",
        "description",
        "diff",
        "document",
        "document_title",
        "documents",
        "enum",
        "environment",
        "error",
        "examples",
        "expires_after",
        "expires_in_seconds",
        "file",
        "fileData",
        "file_data",
        "file_id",
        "file_ids",
        "file_url",
        "filename",
        "format",
        "function",
        "functionCall",
        "functionResponse",
        "function_call",
        "functions",
        "generationConfig",
        "graders",
        "hyperparameters",
        "image",
        "image_url",
        "inlineData",
        "input",
        "input_audio",
        "input_file_id",
        "input_image",
        "input_schema",
        "instances",
        "instructions",
        "item",
        "json_schema",
        "language",
        "logprobs",
        "logs",
        "mask",
        "mcp_servers",
        "message",
        "messages",
        "metadata",
        "method",
        "name",
        "non_preferred_output",
        "operation",
        "output",
        "parameters",
        "params",
        "parts",
        "path",
        "prediction",
        "preferred_output",
        "previous_response_id",
        "prompt",
        "properties",
        "purpose",
        "queries",
        "query",
        "reasoning",
        "reasoning_content",
        "refusal",
        "region",
        "requests",
        "response",
        "response_format",
        "result",
        "results",
        "safety_identifier",
        "schema",
        "search_result",
        "section",
        "server_tool_use",
        "snippet",
        "source",
        "stderr",
        "stdout",
        "stop",
        "stop_sequences",
        "suffix",
        "summary",
        "system",
        "systemInstruction",
        "text",
        "thinking",
        "timezone",
        "title",
        "tool_calls",
        "tool_plan",
        "tool_result",
        "tool_use",
        "tools",
        "transcript",
        "type",
        "url",
        "user",
        "user_id",
        "user_location",
        "variables",
        "web_search_options",
    ]
)
_STEP = re.compile(r"\[(?:\d+|\*)\]|[^.\[\]]+|\[[^\]]*\]|[.\[\]]")
_MODEL = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,127}")
_DATA_IN_MODEL = re.compile(r"@[\w-]+\.\D|\d{9}")
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])


def path_template(path: str) -> str:
    """``$.messages[3].content[0].text`` -> ``$.messages[*].content[*].text``; unknown keys -> ``*``."""
    kind, colon, rest = path.partition(":")
    if colon and kind in ("header", "query", "path"):
        return f"{kind}:*" if rest else kind
    out: list[str] = []
    for step in _STEP.findall(path):
        if step == "." or (step == "$" and not out):
            out.append(step)
        elif step.startswith("["):
            out.append("[*]")
        elif step in _VOCABULARY or step == "$":
            out.append(step)
        else:
            out.append("*")
    text = "".join(out)
    return re.sub(r"\*(?:\.?\*)+", "*", text)[:200]


def model_name(name: str | None) -> str | None:
    """The model's name if it looks like one (at most 128 letters, digits and ``._:/@+-``), else None.

    ``claude@20250219`` is one; an e-mail address or a long number is none, whatever the client calls it.
    """
    return name if name and _MODEL.fullmatch(name) and not _DATA_IN_MODEL.search(name) else None


def method_name(method: str) -> str | None:
    """The method if HTTP knows it (RFC 9110 and 5789); a client may send any word."""
    return method if method in _METHODS else None

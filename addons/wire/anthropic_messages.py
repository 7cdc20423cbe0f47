"""Anthropic Messages and count_tokens: where the text is in requests and replies.

May import this room only. Reference: the types of the ``anthropic`` package, beta included;
``tests/addons/wire/test_sdk_types.py`` pins the tables to them. Streams: ``anthropic_stream.py``.
"""

from __future__ import annotations

from addons.wire.anthropic_stream import MessageStream, note_message
from addons.wire.collect import JsonRequest, parse_json
from addons.wire.jsondoc import Node
from addons.wire.offsets import in_request
from addons.wire.refusals import anthropic_error, reply
from addons.wire.restore import Restorer, argument, tool_call
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    OPAQUE,
    SCHEMA,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    blob,
    by_type,
    constant_role,
    fields,
    items,
    parts,
    stored_file,
    unknown_block,
    unreadable,
)
from addons.wire.stored import StoredUse
from addons.wire.types import ErrorReply, KnowsRequest, ReplyFacts, Restoration, StoredObject, UnreadableKind
from addons.wire.whole_reply import restore_whole

METADATA = constant_role("metadata", TEXT)
BLOCKS: dict[str, Rule] = {}
"""Content blocks of requests and replies, and what their contents hold, by ``type``."""
_BLOCK = by_type(BLOCKS, unknown_block)
CONTENT = parts(_BLOCK, frozenset({"text"}))
TOOL_CONTENT = constant_role("tool", CONTENT)


def _base64(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A ``base64`` source: read if its media type is text."""
    readable = (node.text("media_type") or "").lower().startswith("text/")
    if not readable:
        visitor.unreadable(path, UnreadableKind.FILE)
    for child in node.children:
        if child.key == "data" and child.string is not None:
            if readable:
                visitor.base64_text(child, f"{path}.data", role, 0)
        else:
            _source_field(visitor, child, path, role)


def _source_field(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (NAME if node.key in ("type", "media_type") else FREE)(visitor, node, f"{path}.~0", role)


SOURCES: dict[str, Rule] = {
    "text": fields({"type": NAME, "media_type": NAME, "data": TEXT}),
    "content": fields({"type": NAME, "content": CONTENT}),
    "base64": _base64,
    "url": unreadable(UnreadableKind.REMOTE, fields({"type": NAME, "url": TEXT})),
    "file": stored_file(UnreadableKind.FILE, fields({"type": NAME, "file_id": NAME})),
}
"""Sources of a document by ``type``."""
_IMAGE_SOURCE = by_type(
    {
        "base64": fields({"type": NAME, "media_type": NAME, "data": OPAQUE}),
        "url": fields({"type": NAME, "url": blob(UnreadableKind.IMAGE)}),
        "file": fields({"type": NAME, "file_id": NAME}),
    }
)


def _signed(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Signed or encrypted: the provider takes it back byte for byte or not at all. Without a signature it is text."""
    signed = any(node.text(name) for name in ("signature", "encrypted_content", "data"))
    (_SIGNED if signed else _UNSIGNED)(visitor, node, path, role)


def _block(**known: Rule) -> Rule:
    return fields({"type": NAME, "id": NAME, "cache_control": NAMES, "caller": NAMES, **known}, unknown_block)


def _result(inner: Rule) -> Rule:
    return constant_role("tool", _block(tool_use_id=NAME, is_error=NAME, toolset_name=NAME, content=inner))


_LOCATION = fields({"type": NAME, "city": TEXT, "country": TEXT, "region": TEXT, "timezone": TEXT})
_TEXTS = fields({"type": NAME, "error_code": NAME, "file_id": NAME, "encrypted_stdout": OPAQUE}, unknown_block)
_CITED = fields(
    {
        **dict.fromkeys(
            """type document_index search_result_index start_char_index end_char_index start_page_number
            end_page_number start_block_index end_block_index file_id""".split(),  # noqa: SIM905
            NAME,
        ),
        **dict.fromkeys(["cited_text", "document_title", "title", "url", "source"], TEXT),
        "encrypted_index": OPAQUE,
    }
)


def CITATION(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A citation. In a reply, places in a document of the request become places in the caller's own document."""
    _CITED(visitor, node, path, role)
    if not isinstance(visitor, Restorer) or node.text("type") != "char_location":
        return
    bounds = [node.get(name) for name in ("start_char_index", "end_char_index")]
    told = [(bound, bound.integer) for bound in bounds if bound is not None and bound.integer is not None]
    if len(told) != 2:
        return
    (start, first), (end, last) = told
    if not isinstance(visitor.restoration, KnowsRequest):
        return
    moved = in_request(visitor.restoration, first, last, node.text("cited_text") or "")
    if moved is None:
        visitor.dropped += 1
    if moved != (first, last):
        for bound, new in zip((start, end), moved or ("null", "null"), strict=True):
            visitor.put(bound, str(new))


_CALL = _block(name=NAME, server_name=NAME, toolset_name=NAME, input=argument(FREE))
_USE, _HOSTED_USE = tool_call(_CALL), tool_call(_CALL, hosted=True)
_WEB_RESULT = fields({"type": NAME, "title": TEXT, "url": TEXT, "page_age": TEXT, "encrypted_content": OPAQUE})
TOOL = fields(
    {
        "type": NAME,
        "name": NAME,
        "description": TEXT,
        "input_schema": SCHEMA,
        "input_examples": items(FREE),
        "cache_control": NAMES,
        "caching": NAMES,
        "allowed_domains": TEXT,
        "blocked_domains": TEXT,
        "user_location": _LOCATION,
        "configs": NAMES,
        "default_config": NAMES,
        "url_sources": NAMES,
        "model": NAME,
        **dict.fromkeys(
            """strict defer_loading eager_input_streaming allowed_callers max_uses max_content_tokens max_characters
            max_tokens use_cache response_inclusion citations display_width_px display_height_px display_number
            enable_zoom mcp_server_name""".split(),  # noqa: SIM905
            NAMES,
        ),
    }
)
"""A tool definition of any type; they share their members."""
_TOOL_LIST = constant_role("schema", items(TOOL))
_TOOL_CHANGE = fields({"type": NAME, "name": NAME, "server_name": NAME, "definition": TOOL})
_TOOL_CHANGES = constant_role("schema", _block(tool=_TOOL_CHANGE))
_SIGNED = _block(
    **dict.fromkeys(["thinking", "data", "content", "encrypted_content", "signature", "tool_changes"], SKIP)
)
_UNSIGNED = _block(
    thinking=TEXT, data=OPAQUE, content=TEXT, encrypted_content=OPAQUE, signature=OPAQUE, tool_changes=items(_BLOCK)
)
_TAB = fields({"tab_id": NAME, "title": TEXT, "url": TEXT, "active": NAME})

_IMAGE = _block(source=_IMAGE_SOURCE, transformations=NAMES)


def _image(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """An image; one that lies at the provider is named by its id."""
    source = node.get("source")
    key = source.text("file_id") if source is not None and source.text("type") == "file" else None
    visitor.unreadable(path, UnreadableKind.IMAGE, StoredObject("file", key) if key else None)
    _IMAGE(visitor, node, path, role)


BLOCKS |= {
    "text": _block(text=TEXT, citations=items(CITATION)),
    "image": _image,
    "document": _block(source=by_type(SOURCES), title=TEXT, context=TEXT, citations=NAMES),
    "search_result": _block(content=CONTENT, source=TEXT, title=TEXT, citations=NAMES),
    "thinking": _signed,
    "redacted_thinking": _signed,
    "compaction": _signed,
    "tool_use": _USE,
    "server_tool_use": _HOSTED_USE,
    "mcp_tool_use": _HOSTED_USE,
    "tool_result": _result(CONTENT),
    "mcp_tool_result": _result(CONTENT),
    "web_search_tool_result": _result(items(_BLOCK)),
    "web_search_result": _WEB_RESULT,
    "web_fetch_tool_result": _result(_BLOCK),
    "web_fetch_result": fields({"type": NAME, "url": TEXT, "retrieved_at": NAME, "content": _BLOCK}),
    "code_execution_tool_result": _result(_TEXTS),
    "bash_code_execution_tool_result": _result(_TEXTS),
    "text_editor_code_execution_tool_result": _result(_TEXTS),
    "tool_search_tool_result": _result(fields({"type": NAME, "tool_references": items(_BLOCK)}, unknown_block)),
    "tool_reference": _block(tool_name=NAME),
    "advisor_tool_result": _result(fields({"type": NAME, "text": TEXT, "encrypted_content": OPAQUE})),
    "browser_state": _block(tabs=items(_TAB), state_changes=items(unknown_block)),
    "container_upload": stored_file(UnreadableKind.FILE, _block(file_id=NAME)),
    "tool_addition": _TOOL_CHANGES,
    "tool_removal": _TOOL_CHANGES,
    "mcp_tool_listing": _block(mcp_server_name=NAME, tools=_TOOL_LIST),
    "fallback": _block(**{"from": NAMES, "to": NAMES, "trigger": NAMES}),
}

_MESSAGE = fields({"role": NAME, "content": CONTENT, "clear_at": NAME, "output_config": NAMES}, unknown_block)
_OUTPUT = constant_role(
    "schema", fields({"effort": NAME, "format": fields({"type": NAME, "schema": SCHEMA}), "task_budget": NAMES})
)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    role = node.text("role")
    _MESSAGE(visitor, node, path, role if role in ("system", "assistant") else "user")


MCP_SERVER = fields(
    {"type": NAME, "name": NAME, "url": TEXT, "authorization_token": OPAQUE, "tool_configuration": NAMES}
)
"""``authorization_token`` is a secret that the provider needs to call the server: it leaves as it is."""
REQUEST_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "messages": items(_message),
    "system": constant_role("system", CONTENT),
    "tools": _TOOL_LIST,
    "metadata": constant_role("metadata", fields({"user_id": TEXT})),
    "stop_sequences": constant_role("metadata", TEXT),
    "mcp_servers": constant_role("metadata", items(MCP_SERVER)),
    "output_config": _OUTPUT,
    "output_format": constant_role("schema", fields({"type": NAME, "schema": SCHEMA})),
    "compaction": constant_role("system", fields({"type": NAME, "instructions": TEXT, "trigger": NAMES})),
    "context_management": constant_role("system", fields({"edits": items(fields({"instructions": TEXT}, NAMES))})),
    "fallbacks": items(fields({"output_config": _OUTPUT}, NAMES)),
    "fallback_credit_token": OPAQUE,
    "user_profile_id": METADATA,
    **dict.fromkeys(
        """max_tokens stream temperature top_k top_p service_tier speed inference_geo thinking tool_choice
        container cache_control diagnostics billing_policy thread betas workspace_id""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members of a request. What is not here is scanned as free-form data."""
_REQUEST = fields(REQUEST_FIELDS)
REPLY = fields(
    {
        **dict.fromkeys(["id", "type", "role", "model", "stop_reason", "container", "request_id"], NAMES),
        "content": items(_BLOCK),
        "stop_sequence": TEXT,
        "usage": SKIP,
        "input_tokens": NAME,
    }
)
"""A message, a count or an error. What is not here (``stop_details``, ``error``) is restored whole."""
EVENT = fields(
    {
        **dict.fromkeys(["type", "index"], NAME),
        "usage": SKIP,
        "message": REPLY,
        "content_block": _BLOCK,
        "delta": fields({"type": NAME, "citation": CITATION}),
    }
)
"""A stream event without pieces of runs."""


def _makes_files(root: Node) -> bool:
    """True if tools of the provider's may leave files there, which the client fetches by the ids in the reply."""
    tools = root.get("tools")
    kinds = [tool.text("type") or "" for tool in tools.children] if tools is not None else []
    container = root.get("container")
    named = container is not None and container.value is not None
    return named or any(kind.startswith("code_execution") for kind in kinds)


class AnthropicMessages:
    """``Codec`` of ``anthropic.messages`` and ``anthropic.count_tokens``."""

    def __init__(self, name: str = "anthropic.messages"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, _REQUEST)
        if _makes_files(request.sources[0].document.root):
            request.stored = StoredUse(creates=True)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, note_message)

    def open_stream(self, restoration: Restoration) -> MessageStream:
        """See ``Codec.open_stream``."""
        return MessageStream(restoration, EVENT)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, anthropic_error(status, code, message))

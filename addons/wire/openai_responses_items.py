"""What the Responses API's input and output are made of: content parts, items, tools, by ``type``.

May import this room only. Reference: the types of the ``openai`` package; ``tests/addons/wire/test_sdk_responses.py``
pins the tables to them. One table serves requests and replies, and the stored objects that hold the same items.
"""

from __future__ import annotations

from collections.abc import Mapping

from addons.wire.jsondoc import OBJECT, STRING, Node
from addons.wire.metadata import CREDENTIALS
from addons.wire.openai_chat import METADATA, ROLES
from addons.wire.openai_responses_text import ANNOTATION, LOGPROBS, pointed_into
from addons.wire.restore import argument, tool_call
from addons.wire.rules import (
    FREE,
    JSON,
    NAME,
    NAMES,
    OPAQUE,
    SCHEMA,
    TEXT,
    Rule,
    Visitor,
    blob,
    by_type,
    constant_role,
    fields,
    file_id,
    is_plain_key,
    items,
    parts,
    step,
    stored_file,
    unknown_block,
    unreadable,
)
from addons.wire.types import UnreadableKind


def _remote(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A link to what the provider fetches by itself."""
    if node.string:
        visitor.unreadable(path, UnreadableKind.REMOTE)
    FREE(visitor, node, path, role)


def _picture(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """An image in base64; null or empty while there is none."""
    if node.string:
        visitor.unreadable(path, UnreadableKind.IMAGE)
    OPAQUE(visitor, node, path, role)


_PART: dict[str, Rule] = {"type": NAME, "prompt_cache_breakpoint": NAMES}
_IMAGE = stored_file(
    UnreadableKind.IMAGE,
    fields({**_PART, "image_url": blob(UnreadableKind.IMAGE), "file_id": NAME, "detail": NAME}, unknown_block),
    "image_url",
)
_OUTPUT_TEXT = fields({**_PART, "text": TEXT, "annotations": items(ANNOTATION), "logprobs": LOGPROBS}, unknown_block)
PARTS: dict[str, Rule] = {
    "input_text": fields({**_PART, "text": TEXT}, unknown_block),
    "output_text": pointed_into(_OUTPUT_TEXT),
    "refusal": fields({**_PART, "refusal": TEXT}, unknown_block),
    "input_image": _IMAGE,
    "computer_screenshot": _IMAGE,
    "input_file": fields(
        {
            **_PART,
            "file_data": blob(UnreadableKind.FILE),
            "file_url": _remote,
            "file_id": file_id,
            "filename": METADATA,
            "detail": NAME,
        },
        unknown_block,
    ),
    "input_audio": unreadable(
        UnreadableKind.AUDIO, fields({**_PART, "input_audio": fields({"data": OPAQUE, "format": NAME})}, unknown_block)
    ),
    "encrypted_content": fields({"type": NAME, "encrypted_content": OPAQUE}, unknown_block),
    "text": fields({**_PART, "text": TEXT}, unknown_block),
    "summary_text": fields({**_PART, "text": TEXT}, unknown_block),
    "reasoning_text": fields({**_PART, "text": TEXT}, unknown_block),
}
"""Content parts by ``type``, wherever they stand."""
PART = by_type(PARTS, unknown_block)
CONTENT = parts(PART, frozenset({"input_text", "output_text", "text"}))
_TOOL_OUTPUT = constant_role("tool", CONTENT)

# -- tools -----------------------------------------------------------------------------------------------------------

LOCATION = fields({"type": NAME, "city": TEXT, "country": TEXT, "region": TEXT, "timezone": TEXT})
FORMAT = fields({"type": NAME, "name": NAME, "description": TEXT, "schema": SCHEMA, "strict": NAME})
TEXT_CONFIG = constant_role("schema", fields({"format": FORMAT, "verbosity": NAME}))
_SECRET = fields({"domain": TEXT, "name": NAME, "value": OPAQUE})
_NETWORK = fields({"type": NAME, "allowed_domains": TEXT, "domain_secrets": items(_SECRET)})
_SKILL = fields(
    {
        **dict.fromkeys(["type", "skill_id", "version"], NAME),
        **dict.fromkeys(["name", "description", "path"], TEXT),
        "source": fields({"type": NAME, "media_type": NAME, "data": blob(UnreadableKind.FILE)}),
    }
)
ENVIRONMENT = fields(
    {
        **dict.fromkeys(["type", "container_id", "memory_limit"], NAME),
        "file_ids": file_id,
        "network_policy": _NETWORK,
        "skills": items(_SKILL),
    }
)


def _container(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (NAME if node.kind == STRING else ENVIRONMENT)(visitor, node, path, role)


def _headers(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Headers for a tool server. Credentials are for that server: they leave as they are."""
    if node.kind != OBJECT:
        FREE(visitor, node, path, role)
        return
    for index, child in enumerate(node.children):
        below = step(path, child, index)
        if not is_plain_key((child.key or "").lower()):
            visitor.key(child, f"{below}~key", role)
        (OPAQUE if (child.key or "").lower() in CREDENTIALS else FREE)(visitor, child, below, role)


def _tools(visitor: Visitor, node: Node, path: str, _: str) -> None:
    items(by_type(TOOLS))(visitor, node, path, "schema")


def _tool(**known: Rule) -> Rule:
    common = ["type", "name", "strict", "defer_loading", "allowed_callers", "async", "execution"]
    return fields({**dict.fromkeys(common, NAME), "description": TEXT, **known})


_SEARCH = _tool(
    filters=fields({"allowed_domains": TEXT, "blocked_domains": TEXT}),
    user_location=LOCATION,
    **dict.fromkeys(["search_context_size", "external_web_access", "search_content_types"], NAME),
)
_MASK = unreadable(UnreadableKind.IMAGE, fields({"image_url": blob(UnreadableKind.IMAGE), "file_id": NAME}))
TOOLS: dict[str, Rule] = {
    "function": _tool(parameters=SCHEMA, output_schema=SCHEMA),
    "custom": _tool(format=fields({"type": NAME, "definition": TEXT, "syntax": NAME})),
    "namespace": _tool(tools=_tools),
    "tool_search": _tool(parameters=SCHEMA),
    "file_search": _tool(vector_store_ids=NAME, filters=FREE, max_num_results=NAME, ranking_options=NAMES),
    **dict.fromkeys(
        """web_search web_search_2025_08_26 web_search_preview web_search_preview_2025_03_11""".split(),  # noqa: SIM905
        _SEARCH,
    ),
    "mcp": _tool(
        **dict.fromkeys(["server_label", "connector_id", "tunnel_id"], NAME),
        **dict.fromkeys(["allowed_tools", "require_approval"], NAMES),
        server_url=TEXT,
        server_description=TEXT,
        authorization=OPAQUE,
        headers=_headers,
    ),
    "code_interpreter": _tool(container=_container),
    "shell": _tool(environment=ENVIRONMENT),
    "image_generation": fields({"input_image_mask": _MASK}, NAMES),
    **dict.fromkeys(
        ["computer", "computer_use_preview", "local_shell", "apply_patch", "programmatic_tool_calling"], NAMES
    ),
}
"""Tool definitions by ``type``. What is not here is scanned as free-form data."""
TOOL_LIST = _tools

# -- items -----------------------------------------------------------------------------------------------------------


AGENT = fields({"agent_name": METADATA})
"""Which of several agents says something (beta)."""


def _item_of(role: str, /, **known: Rule) -> Rule:
    names = ["type", "id", "status", "call_id", "name", "namespace", "server_label", "async", "execution"]
    common = {**dict.fromkeys(names, NAME), "caller": NAMES, "created_by": METADATA, "agent": AGENT}
    return constant_role(role, fields({**common, **known}, unknown_block))


def _call_of(*, hosted: bool, arguments: Mapping[str, Rule], **known: Rule) -> Rule:
    told = {name: argument(rule) for name, rule in arguments.items()}
    return tool_call(_item_of("assistant", **told, **known), hosted=hosted)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


_MESSAGE = fields({**dict.fromkeys(["type", "id", "status", "role", "phase"], NAME), "content": CONTENT}, unknown_block)
_CHECKS = items(fields({"id": NAME, "code": NAME, "message": TEXT}))
_ACTION = fields(
    {
        **dict.fromkeys(["type", "button", "keys", "x", "y", "scroll_x", "scroll_y"], NAME),
        "text": TEXT,
        "path": NAMES,
    }
)
_WEB_ACTION = fields(
    {
        "type": NAME,
        **dict.fromkeys(["query", "queries", "url", "pattern"], TEXT),
        "sources": items(fields({"type": NAME, "url": TEXT})),
    }
)
_FOUND = fields({"file_id": NAME, "filename": TEXT, "text": TEXT, "score": NAME, "attributes": FREE})
_SHELL_OUTPUT = fields({"stdout": TEXT, "stderr": TEXT, "outcome": NAMES, "created_by": METADATA})
_CODE_OUTPUT = by_type(
    {
        "logs": fields({"type": NAME, "logs": TEXT}),
        "image": fields({"type": NAME, "url": blob(UnreadableKind.IMAGE)}),
    },
    unknown_block,
)
_LOCAL_ACTION = fields(
    {"type": NAME, "command": TEXT, "env": FREE, "timeout_ms": NAME, "user": TEXT, "working_directory": TEXT}
)
_LISTED = fields({"name": NAME, "description": TEXT, "input_schema": SCHEMA, "annotations": FREE})
_IMAGE_ERROR = fields({**dict.fromkeys(["code", "type", "param"], NAME), "message": TEXT, "moderation_details": NAMES})
_TOOL_SET = _item_of("schema", role=NAME, tools=TOOL_LIST)

ITEMS: dict[str, Rule] = {
    "message": _message,
    "function_call": _call_of(hosted=False, arguments={"arguments": JSON}),
    "function_call_output": _item_of("tool", output=_TOOL_OUTPUT),
    "custom_tool_call": _call_of(hosted=False, arguments={"input": TEXT}),
    "custom_tool_call_output": _item_of("tool", output=_TOOL_OUTPUT),
    "tool_search_call": _call_of(hosted=True, arguments={"arguments": FREE}),
    "tool_search_output": _TOOL_SET,
    "additional_tools": _TOOL_SET,
    "configuration_update": _item_of("schema", reasoning=NAMES, text=TEXT_CONFIG),
    "reasoning": _item_of("assistant", summary=items(PART), content=items(PART), encrypted_content=OPAQUE),
    "compaction": _item_of("assistant", encrypted_content=OPAQUE),
    "compaction_trigger": _item_of("user"),
    "item_reference": _item_of("user"),
    "file_search_call": tool_call(_item_of("tool", queries=argument(TEXT), results=items(_FOUND)), hosted=True),
    "web_search_call": _call_of(hosted=True, arguments={"action": _WEB_ACTION}),
    "computer_call": _item_of("assistant", action=_ACTION, actions=items(_ACTION), pending_safety_checks=_CHECKS),
    "computer_call_output": _item_of("tool", output=PART, acknowledged_safety_checks=_CHECKS),
    "image_generation_call": _item_of(
        "assistant",
        **dict.fromkeys(["action", "background", "output_format", "quality", "size"], NAME),
        result=_picture,
        revised_prompt=TEXT,
        error=_IMAGE_ERROR,
        svg_usage=NAMES,
    ),
    "code_interpreter_call": _call_of(
        hosted=True, arguments={"code": TEXT}, container_id=NAME, outputs=items(_CODE_OUTPUT)
    ),
    "local_shell_call": _call_of(hosted=False, arguments={"action": _LOCAL_ACTION}),
    "local_shell_call_output": _item_of("tool", output=TEXT),
    "shell_call": _item_of(
        "assistant",
        action=fields({"commands": TEXT, "max_output_length": NAME, "timeout_ms": NAME}),
        environment=ENVIRONMENT,
    ),
    "shell_call_output": _item_of("tool", output=items(_SHELL_OUTPUT), max_output_length=NAME),
    "apply_patch_call": _item_of("assistant", operation=fields({"type": NAME, "path": TEXT, "diff": TEXT})),
    "apply_patch_call_output": _item_of("tool", output=TEXT),
    "mcp_list_tools": _item_of("tool", tools=items(_LISTED), error=TEXT),
    "mcp_approval_request": _call_of(hosted=True, arguments={"arguments": JSON}),
    "mcp_approval_response": _item_of("user", approval_request_id=NAME, approve=NAME, reason=TEXT),
    "mcp_call": _call_of(
        hosted=True, arguments={"arguments": JSON}, output=_TOOL_OUTPUT, error=FREE, approval_request_id=NAME
    ),
    "agent_message": _item_of("assistant", author=METADATA, recipient=METADATA, content=CONTENT),
    "multi_agent_call": _item_of("assistant", action=NAME, arguments=JSON),
    "multi_agent_call_output": _item_of("tool", action=NAME, output=_TOOL_OUTPUT),
    "program": _item_of("assistant", code=TEXT, fingerprint=OPAQUE),
    "program_output": _item_of("tool", result=TEXT),
}
"""Items of a conversation by ``type``; what is not here is scanned whole (``unknown_block``)."""


def kind_of_item(node: Node) -> str:
    """An item's type. Messages and references may leave it out; empty where there is none."""
    kind = node.text("type")
    if kind is not None or node.kind != OBJECT:
        return kind or ""
    if node.get("role") is not None:
        return "message"
    return "item_reference" if node.get("id") is not None and len(node.children) <= 2 else ""


def ITEM(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """One item of ``input`` or ``output``."""
    ITEMS.get(kind_of_item(node), unknown_block)(visitor, node, path, role)


def INPUT(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A string, or a list of items."""
    (TEXT if node.kind == STRING else items(ITEM))(visitor, node, path, role)

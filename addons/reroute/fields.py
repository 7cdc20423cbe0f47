"""What an on-prem server does not understand is taken out of a rerouted body: one table, one pure function.

Rules for this file: pure, sans-IO. Only what belongs to the commercial provider's own machinery is dropped (its hosted
tools, its stored state, its signed reasoning, its billing); nothing that the caller wrote as text. What cannot be
dropped without changing what was asked is an error. Sources: the request types of the OpenAI and Anthropic SDKs, and
llama.cpp's ``tools/server`` README.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from addons.reroute.errors import RerouteError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fields:
    """What one endpoint's body has that only the commercial provider can honour."""

    dropped: frozenset[str]
    """Members of the body that go."""
    stored: frozenset[str] = frozenset()
    """Members that point to state at the provider: without it the request means something else, so they are refused."""
    tools: frozenset[str] | None = None
    """Tool types that a local server can pass to the model; all others run at the provider, and go. None: no tools."""
    reasoning: frozenset[str] = frozenset()
    """Types of content blocks that hold the provider's signed or encrypted reasoning."""


_OPENAI_CHAT: Final = """
    audio modalities metadata moderation prediction prompt_cache_key prompt_cache_options prompt_cache_retention
    reasoning_effort safety_identifier service_tier store user verbosity web_search_options
"""
_OPENAI_RESPONSES: Final = """
    access_programs background background_options betas context_management image include max_tool_calls metadata
    moderation multi_agent prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier
    service_tier store truncation user
"""
_ANTHROPIC_MESSAGES: Final = """
    betas cache_control container context_management inference_geo mcp_servers metadata output_config service_tier
    speed thinking
"""

TABLE: Final[Mapping[str, Fields]] = {
    "openai.chat": Fields(dropped=frozenset(_OPENAI_CHAT.split()), tools=frozenset({"function"})),
    "openai.responses": Fields(
        dropped=frozenset(_OPENAI_RESPONSES.split()),
        stored=frozenset({"conversation", "previous_response_id", "prompt"}),
        tools=frozenset({"function"}),
        reasoning=frozenset({"reasoning", "compaction"}),
    ),
    "openai.completions": Fields(dropped=frozenset({"user"})),
    "openai.embeddings": Fields(dropped=frozenset({"user"})),
    "anthropic.messages": Fields(
        dropped=frozenset(_ANTHROPIC_MESSAGES.split()),
        tools=frozenset({"custom"}),
        reasoning=frozenset({"thinking", "redacted_thinking"}),
    ),
}
"""By endpoint. ``anthropic.count_tokens`` takes what ``anthropic.messages`` takes."""

_ALIASES: Final = {"anthropic.count_tokens": "anthropic.messages"}


def fit_body(endpoint: str, body: bytes, keep: Collection[str] = ()) -> bytes:
    """The body as a local server takes it; the same bytes if nothing had to go.

    ``keep`` names fields that this server does understand. Raises RerouteError where the request leans on state that
    the provider holds, or is no JSON object.
    """
    fields = TABLE.get(_ALIASES.get(endpoint, endpoint))
    if fields is None:
        raise RerouteError("reroute_unsupported", f"Requests to {endpoint} cannot be answered on the premises.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RerouteError("malformed_json", "The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise RerouteError("malformed_json", "The body is not a JSON object.")
    kept = frozenset(keep)
    if not _fit(document, fields, kept):
        return body
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair came in as an escape, and goes out as one
        return json.dumps(document, separators=(",", ":")).encode()


def _fit(document: Json, fields: Fields, keep: frozenset[str]) -> bool:
    """Change ``document`` in place; True if anything had to go."""
    changed = False
    for name in sorted((fields.stored - keep) & document.keys()):
        if document.pop(name) is not None:
            raise RerouteError(
                "reroute_stored_state",
                f"The request continues what the provider has stored (`{name}`); an on-premises model does "
                "not have it. Send the whole conversation instead.",
            )
        changed = True
    for name in (fields.dropped - keep) & document.keys():
        del document[name]
        changed = True
    if fields.tools is not None:
        changed |= _fit_tools(document, fields.tools, keep)
    if fields.reasoning - keep:
        changed |= _fit_blocks(document, fields.reasoning - keep)
    return changed


def _fit_tools(document: Json, known: frozenset[str], keep: frozenset[str]) -> bool:
    """Drop tools that run at the provider, and a choice that then points nowhere."""
    tools = document.get("tools")
    if not isinstance(tools, list):
        return False

    def local(tool: object) -> bool:
        kind = tool.get("type") if isinstance(tool, dict) else None
        # Anthropic's own tools have a dated type; a custom one may have none.
        return kind is None or kind in known or kind in keep

    remaining = [tool for tool in tools if local(tool)]
    if len(remaining) == len(tools):
        return False
    if remaining:
        document["tools"] = remaining
    else:
        del document["tools"]
        document.pop("parallel_tool_calls", None)
    if not remaining or _points_nowhere(document.get("tool_choice"), remaining):
        document.pop("tool_choice", None)
    return True


def _points_nowhere(choice: object, tools: list[Any]) -> bool:
    """True if ``tool_choice`` demands a tool that is not among ``tools``."""
    if not isinstance(choice, dict) or choice.get("type") in {"auto", "any", "none"}:
        return False
    wanted = choice.get("name") or _name_of(choice)
    return wanted not in {_name_of(tool) for tool in tools}


def _name_of(tool: object) -> object:
    """A tool's name: its own, or its function's."""
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else tool.get("name")


def _fit_blocks(document: Json, reasoning: frozenset[str]) -> bool:
    """Drop the provider's reasoning from the history: from messages' content, or from a list of input items."""

    def plain(block: object) -> bool:
        return not (isinstance(block, dict) and block.get("type") in reasoning)

    changed = False
    for key in ("messages", "input"):
        items = document.get(key)
        if not isinstance(items, list):
            continue
        remaining: list[Any] = []
        for item in items:
            if isinstance(item, dict) and item.get("type") == "item_reference":
                raise RerouteError(
                    "reroute_stored_state",
                    "The request refers to an item that the provider has stored; an on-premises model does not "
                    "have it. Send the whole conversation instead.",
                )
            if not plain(item):
                continue
            content = item.get("content") if isinstance(item, dict) else None
            if isinstance(content, list) and not all(map(plain, content)):
                left = [block for block in content if plain(block)]
                changed = True
                if not left:  # a turn that was nothing but reasoning
                    continue
                item["content"] = left
            remaining.append(item)
        changed |= len(remaining) != len(items)
        document[key] = remaining
    return changed

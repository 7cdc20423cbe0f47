# ruff: noqa: E501 - tables are read line by line
"""Writes ``docs/endpoints.md`` from the registry: ``python -m tests.addons.wire.endpoint_table``. A test holds the page to it.

Method, path, codec come from the table that drives matching. What is refused and what counts as stored is not written down
but asked: each endpoint's own codec is given the requests of ``PROBES``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from addons.wire.content import read_body
from addons.wire.realtime_registry import SOCKETS
from addons.wire.registry import ENDPOINTS, Endpoint, match
from addons.wire.stored import CODE, NOTHING_STORED, StoredUse
from addons.wire.types import ParsedRequest, StoredObject, WireError

PAGE = Path(__file__).parents[3] / "docs" / "endpoints.md"

PROBES: dict[str, Any] = {
    "`previous_response_id`": {"model": "m", "input": "x", "previous_response_id": "resp_1"},
    "`conversation`": {"model": "m", "input": "x", "conversation": "conv_1"},
    "`background` without a stream": {"model": "m", "input": "x", "background": True},
    "`context_management`": {"model": "m", "input": "x", "context_management": [{"type": "compaction"}]},
    "`item_reference`": {"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]},
    "`compaction` items": {"model": "m", "input": [{"type": "compaction", "encrypted_content": "x"}]},
    "`cachedContent`": {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "cachedContent": "cachedContents/1"},
}
"""What a request may lean on that the provider has stored -> a body that does."""
PLAIN: dict[str, Any] = {"model": "m", "input": "x"}
STORE: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}], "store": True}
NO_OBJECT = StoredObject("", "")
"""What is asked for has no id: nothing the vault could know."""
_EXAMPLES = {
    "model": "m-1",
    "completion": "chatcmpl-1",
    "response": "resp_1",
    "conversation": "conv_1",
    "item": "msg_1",
    "file": "file-1",
    "batch": "batch_1",
    "job": "ftjob-1",
    "cache": "cache-1",
}
_ANY = re.compile(re.escape(r"(?:/[\w.-]+)*"))
_STEPS = (
    (_ANY, "…"),
    (re.compile(r"\(\?P<(\w+)>(?:\[[^\]]*\]|\.)\+\)"), r"{\1}"),
    (re.compile(r"(?<=/)\{1,2\}"), ""),
    (re.compile(r"\[\\w\.\]\+"), "{id}"),
    (re.compile(r"\[\^/\]\+|\[\^/:\]\+|\[\\w-\]\+"), "{id}"),
    (re.compile(r"\(\?:/\.\*\)\?|/\.\+|(?<=/)\.\*|\.\*|\.\+"), "…"),
    (re.compile(r"\(\?:/\[[^\]]*\]\+\)\?"), "[/{id}]"),
    (re.compile(r"/\?$"), ""),
    (re.compile(r"\\\."), "."),
)


def form(path: re.Pattern[str]) -> str:
    """A path's pattern for people: ``…/models/{model}:generateContent``; ``[ ]`` may be absent, ``( | )`` is a choice."""
    text = path.pattern
    for pattern, written in _STEPS:
        text = pattern.sub(written, text)
    before = ""
    while text != before:  # from the inside out
        before = text
        text = re.sub(r"\(\?:([^()]*)\)(\??)", lambda m: f"[{m[1]}]" if m[2] else f"⟨{m[1]}⟩", text)
    return text.replace("⟨", "(").replace("⟩", ")")


def parsed(endpoint: Endpoint, body: Any) -> ParsedRequest:
    """What the codec makes of a body; None is a request without one. Raises WireError where it refuses."""
    raw = b"" if body is None else json.dumps(body).encode()
    return read_body(bound(endpoint).codec, "application/json", raw)


def bound(endpoint: Endpoint) -> Endpoint:
    """The endpoint as the registry hands it out for a path in which every id is named; as it is, if such a path is another's."""
    path = example(endpoint.path)
    found = match(endpoint.provider or None, endpoint.method, path) if path is not None else None
    return found if found is not None and found.path is endpoint.path else endpoint


def example(path: re.Pattern[str]) -> str | None:
    """A path that the pattern matches, with ids in their places; None where none is easily made."""
    text = form(path).replace("…", "")
    text = re.sub(r"\[([^\[\]]*)\]", "", re.sub(r"\[/items\[/\{item\}\]\]", "/items/{item}", text))
    text = re.sub(r"\(([^()|]*)\|?[^()]*\)", r"\1", text)
    text = re.sub(r"\{(\w+)\}", lambda m: _EXAMPLES.get(m[1], "id-1"), text)
    return text if path.fullmatch(text) else None


def use(endpoint: Endpoint, body: Any) -> StoredUse:
    """What a request has to do with what the provider stores."""
    found: StoredUse = getattr(parsed(endpoint, body), "stored", NOTHING_STORED)
    return found


def plain_body(endpoint: Endpoint) -> Any:
    return PLAIN if endpoint.method == "POST" else None


def refusal(endpoint: Endpoint, body: Any) -> str | None:
    """The code with which the codec refuses a body, if it does."""
    try:
        parsed(endpoint, body)
    except WireError as error:
        return error.code
    return None


def stateful(endpoint: Endpoint) -> str:
    """Whether something stays at the provider, or must be known to the vault."""
    if refusal(endpoint, plain_body(endpoint)) is not None:
        return "refused"
    asked = use(endpoint, plain_body(endpoint))
    if asked.deletes is not None:
        return "deletes"
    if any(named.needed for named in asked.named):
        return "refused" if any(named.object == NO_OBJECT for named in asked.named) else "needs the vault"
    if asked.lists:
        return "lists"
    creates = asked.creates or (endpoint.method == "POST" and use(endpoint, STORE).creates)
    return ("stores" if asked.creates else "stores if asked to") if creates else "no"


def leaning(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """``(what, how)``: members with which a request is refused, always or where the vault does not know what they name."""
    if endpoint.method != "POST":
        return
    base = {named.where for named in use(endpoint, PLAIN).named}
    for what, body in PROBES.items():
        if refusal(endpoint, body) is not None:
            yield what, "always"
        elif [named for named in use(endpoint, body).named if named.needed and named.where not in base]:
            yield what, "unless the vault knows them"


def refused(endpoint: Endpoint) -> str:
    """The column: what the codec itself refuses."""
    code = refusal(endpoint, plain_body(endpoint))
    if code is not None:
        return f"all (`{code}`)"
    asked = use(endpoint, plain_body(endpoint))
    if any(named.object == NO_OBJECT for named in asked.named):
        return f"all (`{CODE}`)"
    if any(named.needed for named in asked.named):
        unknown = any(named.needed and named.object is not None for named in asked.named)
        return f"{'what the vault does not know' if unknown else 'all where there is no vault'} (`{CODE}`)"
    by_how: dict[str, list[str]] = {}
    for what, how in leaning(endpoint):
        by_how.setdefault(how, []).append(what)
    return "; ".join(f"{', '.join(whats)} ({how})" for how, whats in by_how.items())


def direction(endpoint: Endpoint) -> str:
    """What is read: the request's body, the reply, and streams of which content types."""
    types = ", ".join(f"`{kind}`" for kind in getattr(endpoint.codec, "stream_types", ()))
    return ("request, reply" if endpoint.method in ("POST", "PATCH", "") else "reply") + (
        f", streams: {types}" if types else ""
    )


def endpoints() -> list[tuple[Endpoint, str]]:
    """All rows, with the method to show; Bedrock's own generic one last, which is none of the table's."""
    other = match("bedrock", "PUT", "/")
    assert other is not None
    return [*((one, one.method) for one in ENDPOINTS), (other, "any other")]


def page() -> str:
    """The whole page."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for one, method in endpoints():
        codec = f"`{type(one.codec).__module__.rpartition('.')[2]}.py`"
        key = (one.name, one.provider, form(one.path), codec, direction(one), stateful(one), refused(one))
        rows.setdefault(key, []).append(method)
    lines = [
        "# Endpoints",
        "",
        "Written by `python -m tests.addons.wire.endpoint_table` from `addons/wire/registry.py`, the table that decides which codec reads a request; a test fails",
        "where the two differ. Rows are tried in this order. `…` is any path or none, `[ ]` may be absent, `( | )` is a choice. Where the provider is known, only its rows count;",
        "any other path of an inspected host is read as free-form JSON (`generic`), and a body that is no JSON is the policy's to decide (by default it is blocked).",
        "",
        "*Kept*: whether something stays at the provider after the reply. *Refused*: what the codec itself refuses, whatever the policy says; parts that it cannot read (images, audio,",
        "files) are the policy's to decide. Every reply may come as `text/event-stream` too.",
        "",
        "| endpoint | provider | method | path | codec | read | kept | refused |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (name, provider, path, codec, read, kept, no), methods in rows.items():
        shown = path.replace("|", "\\|")
        lines.append(
            f"| `{name}` | {provider or 'any'} | {', '.join(methods)} | `{shown}` | {codec} | {read} | {kept} | {no} |"
        )
    return "\n".join([*lines, "", *websockets(), ""])


def websockets() -> list[str]:
    """The table of websockets' paths."""
    lines = [
        "## Websockets",
        "",
        "From `addons/wire/realtime_registry.py`. The upgrade of any other path is refused; [websockets.md](websockets.md) says what is done with messages.",
        "",
        "| endpoint | provider | path | codec |",
        "| --- | --- | --- | --- |",
    ]
    for one in SOCKETS:
        shown, module = form(one.path).replace("|", "\\|"), type(one.codec()).__module__.rpartition(".")[2]
        lines.append(f"| `{one.name}` | {one.provider} | `{shown}` | `{module}.py` |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

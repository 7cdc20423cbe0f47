"""Replies: originals put back by the same rules that found the text of requests.

May import this room only. Works on complete JSON (a reply, an error, one event of a stream whose texts are whole);
texts that come in pieces are the business of the stream classes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from addons.wire.jsondoc import Document, Node
from addons.wire.rules import Rule, Visitor
from addons.wire.types import ReplyFacts, Restoration, StoredObject, UnreadableKind


class Restorer:
    """The visitor that restores: collects what to splice into one document."""

    def __init__(self, document: Document, restoration: Restoration):
        self.document = document
        self.restoration = restoration
        self.edits: list[tuple[int, int, str]] = []
        self.tool: Restoration | None = None
        """For the arguments of the tool call that we are in."""
        self.dropped = 0
        """See ``ReplyFacts.dropped``."""

    def name(self, node: Node, path: str, role: str) -> None:
        self.text(node, path, role)

    def text(self, node: Node, path: str, role: str) -> None:
        self.replace(node, self.restoration.whole(str(node.value)))

    def json_text(self, node: Node, path: str, role: str) -> None:
        self.replace(node, self.restoration.whole_json(str(node.value)))

    def number(self, node: Node, path: str, role: str) -> None:
        """A placeholder is never a number."""

    def key(self, node: Node, path: str, role: str) -> None:
        old = node.key or ""
        new = self.restoration.whole(old)
        if new != old:
            self.edits.append((node.key_start, node.key_end, self.document.literal(new, node.key_start, node.key_end)))

    def base64_text(self, node: Node, path: str, role: str, prefix: int) -> None:
        """No reply carries text in base64; what a tool wrote there is left as it is."""

    def unreadable(self, path: str, kind: UnreadableKind, stored: StoredObject | None = None) -> None:
        """Images and audio pass."""

    def mark(self) -> int:
        return 0

    def join(self, first: int, last: int, prefix: str) -> None:
        """Replies are restored part by part."""

    def became(self, node: Node) -> str:
        """What the string ``node`` has been replaced by, or what it is."""
        for start, _, new in self.edits:
            if start == node.start:
                return str(json.loads(new))
        return str(node.value)

    def put(self, node: Node, new: str) -> None:
        """Splice the JSON ``new`` over ``node``."""
        self.edits.append((node.start, node.end, new))

    def replace(self, node: Node, new: str) -> None:
        """Splice ``new`` over the string ``node``, if it differs."""
        if new != node.value:
            self.edits.append((node.start, node.end, self.document.literal(new, node.start, node.end)))


def tool_call(rule: Rule, *, hosted: bool = False, name: str = "") -> Rule:
    """The rule for a tool call, whose arguments are told by ``argument``. ``hosted``: the provider runs the tool.
    ``name``: the tool's, where the call does not tell it."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if not isinstance(visitor, Restorer):
            rule(visitor, node, path, role)
            return
        outer = visitor.tool
        visitor.tool = visitor.restoration.for_tool(tool_name(node.text) or name, hosted=hosted)
        try:
            rule(visitor, node, path, role)
        finally:
            visitor.tool = outer

    return walk


def argument(rule: Rule) -> Rule:
    """The rule for the arguments of the tool call around them."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if not isinstance(visitor, Restorer) or visitor.tool is None:
            rule(visitor, node, path, role)
            return
        outer, visitor.restoration = visitor.restoration, visitor.tool
        try:
            rule(visitor, node, path, role)
        finally:
            visitor.restoration = outer

    return walk


def tool_name(member: Callable[[str], object]) -> str:
    """What policy calls a tool, from the members of its call: see ``Restoration.for_tool``."""

    def text(name: str) -> str:
        value = member(name)
        return value if isinstance(value, str) else ""

    server = text("server_label") or text("server_name")
    kind = text("type").removesuffix("_call")
    name = text("name") or text("toolType") or ("" if kind in ("function", "custom", "tool_use") else kind)
    return f"mcp:{server}/{name}" if server else name


def restore_document(
    document: Document, rule: Rule, restoration: Restoration, facts: ReplyFacts | None = None
) -> str | None:
    """The document's text with originals put back; None if there was nothing to put back. ``facts``: to note there what
    was dropped."""
    restorer = Restorer(document, restoration)
    rule(restorer, document.root, "$", "assistant")
    if facts is not None:
        facts.dropped += restorer.dropped
    return document.splice(restorer.edits) if restorer.edits else None


def restore_plain(body: bytes, restoration: Restoration) -> bytes:
    """What is no JSON (a load balancer's error page): restored as text if it is UTF-8, else as it came."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    new = restoration.whole(text)
    return body if new == text else new.encode("utf-8", "surrogatepass")

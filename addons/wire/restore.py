"""Replies: originals put back by the same rules that found the text of requests.

May import this room only. Works on complete JSON (a reply, an error, one event of a stream whose texts are whole);
texts that come in pieces are the business of the stream classes.
"""

from __future__ import annotations

from addons.wire.jsondoc import Document, Node
from addons.wire.rules import Rule
from addons.wire.types import Restoration, UnreadableKind


class Restorer:
    """The visitor that restores: collects what to splice into one document."""

    def __init__(self, document: Document, restoration: Restoration):
        self.document = document
        self.restoration = restoration
        self.edits: list[tuple[int, int, str]] = []

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

    def unreadable(self, path: str, kind: UnreadableKind) -> None:
        """Images and audio pass."""

    def mark(self) -> int:
        return 0

    def join(self, first: int, last: int, prefix: str) -> None:
        """Replies are restored part by part."""

    def replace(self, node: Node, new: str) -> None:
        """Splice ``new`` over the string ``node``, if it differs."""
        if new != node.value:
            self.edits.append((node.start, node.end, self.document.literal(new, node.start, node.end)))


def restore_document(document: Document, rule: Rule, restoration: Restoration) -> str | None:
    """The document's text with originals put back; None if there was nothing to put back."""
    restorer = Restorer(document, restoration)
    rule(restorer, document.root, "$", "assistant")
    return document.splice(restorer.edits) if restorer.edits else None


def restore_plain(body: bytes, restoration: Restoration) -> bytes:
    """What is no JSON (a load balancer's error page): restored as text if it is UTF-8, else as it came."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    new = restoration.whole(text)
    return body if new == text else new.encode("utf-8", "surrogatepass")

"""Requests: segments collected by rules, and the body written again with other texts in their places.

May import this room only. ``JsonRequest`` is the ``ParsedRequest`` of every JSON codec. Replacements are written into
the source ranges of the literals that change; JSON inside a string is spliced inside first, then its string outside.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from addons.wire.jsondoc import ARRAY, OBJECT, STRING, Document, Node, literal
from addons.wire.rules import FREE, Rule, is_plain_key
from addons.wire.stored import NOTHING_STORED
from addons.wire.types import Place, Segment, StoredObject, Unreadable, UnreadableKind, WireError

_URL_SAFE = {ord("-"): "+", ord("_"): "/"}  # RFC 4648, section 5: protobuf JSON admits both alphabets
MAX_NESTING = 4
"""JSON in a string in JSON in a string ...: levels that are opened; deeper ones are scanned as text."""


class Form(Enum):
    """How a replacement is written into its range."""

    STRING = 1
    BASE64 = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """Where segment i stands: range of a literal in one of the request's documents."""

    document: int
    start: int
    end: int
    form: Form = Form.STRING
    prefix: str = ""
    """What stays before base64 (``data:text/plain;base64,``)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document of the request: the body itself (no parent), or JSON found in a string of ``parent``."""

    document: Document
    parent: int = -1
    start: int = 0
    end: int = 0


class JsonRequest:
    """A JSON request body, taken apart."""

    __slots__ = ("body", "joins", "model", "segments", "slots", "sources", "stored", "stream", "unreadable")

    def __init__(self, body: bytes, root: Document, collector: Collector):
        self.body = body
        self.sources: Sequence[Source] = collector.sources
        self.slots: Sequence[Slot] = collector.slots
        self.segments: Sequence[Segment] = tuple(collector.segments)
        self.unreadable: Sequence[Unreadable] = tuple(collector.unreadables)
        self.joins: Sequence[Sequence[int]] = tuple(tuple(group) for group in collector.groups if len(group) > 1)
        self.model = root.root.text("model")
        stream = root.root.get("stream")
        self.stream = stream is not None and stream.value is True
        self.stored = NOTHING_STORED
        """What it has to do with what the provider stores; a codec that knows says so."""

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``. A model that the client did not name is put in front of the first member."""
        edits: list[list[tuple[int, int, str]]] = [[] for _ in self.sources]
        for index, text in texts.items():
            if text != self.segments[index].text:
                slot = self.slots[index]
                edits[slot.document].append((slot.start, slot.end, self._written(slot, text)))
        root = self.sources[0].document
        if model is not None and model != self.model:
            edits[0].append(_model_edit(root, model))
        if not any(edits):
            return self.body
        for index in range(len(self.sources) - 1, 0, -1):
            if edits[index]:
                source = self.sources[index]
                inner = source.document.splice(edits[index])
                outer = self.sources[source.parent].document
                edits[source.parent].append((source.start, source.end, outer.literal(inner, source.start, source.end)))
        return root.splice(edits[0]).encode("utf-8")

    def _written(self, slot: Slot, text: str) -> str:
        if slot.form is Form.BASE64:
            encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
            return literal(slot.prefix + encoded)
        return self.sources[slot.document].document.literal(text, slot.start, slot.end)


def _model_edit(root: Document, model: str) -> tuple[int, int, str]:
    node = root.root.get("model")
    if node is not None:
        return node.start, node.end, literal(model)
    if root.root.kind != OBJECT:
        raise WireError("not_an_object", "$", "A model can only be named in a JSON object")
    at = root.root.start + 1
    return at, at, f'"model": {literal(model)}' + (", " if root.root.children else "")


class Collector:
    """The visitor that collects segments."""

    def __init__(self, root: Document):
        self.sources = [Source(root)]
        self.slots: list[Slot] = []
        self.segments: list[Segment] = []
        self.unreadables: list[Unreadable] = []
        self.groups: list[list[int]] = [[]]
        self._at = 0  # the document that is being walked
        self._nesting = 0

    def name(self, node: Node, path: str, role: str) -> None:
        self._add(node, path, "metadata")

    def text(self, node: Node, path: str, role: str) -> None:
        value = str(node.value)
        if "\\" in value and value.lstrip()[:1] in ("{", "["):
            self.json_text(node, path, role)
        elif value:
            self._add(node, path, role)

    def json_text(self, node: Node, path: str, role: str) -> None:
        """Walks the JSON in the string; a string that holds none, or nests too deep, is text."""
        value = str(node.value)
        if not value:
            return
        try:
            inner = Document(value, duplicates=True) if self._nesting < MAX_NESTING else None
        except WireError:
            inner = None
        if inner is None or inner.root.kind not in (OBJECT, ARRAY, STRING):
            self._add(node, path, role)
            return
        self.sources.append(Source(inner, self._at, node.start, node.end))
        outer, self._at = self._at, len(self.sources) - 1
        self._nesting += 1
        FREE(self, inner.root, f"{path}.$", role)
        self._nesting -= 1
        self._at = outer

    def number(self, node: Node, path: str, role: str) -> None:
        self._add(node, path, role, Place.NUMBER)

    def key(self, node: Node, path: str, role: str) -> None:
        if node.key:
            self.slots.append(Slot(self._at, node.key_start, node.key_end))
            self.segments.append(Segment(path, role, node.key, Place.KEY))

    def base64_text(self, node: Node, path: str, role: str, prefix: int) -> None:
        value = str(node.value)
        try:
            alphabet = value[prefix:].translate(_URL_SAFE)
            text = base64.b64decode(alphabet, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            self.unreadable(path, UnreadableKind.BINARY)
            return
        if text:
            self.slots.append(Slot(self._at, node.start, node.end, Form.BASE64, value[:prefix]))
            self.segments.append(Segment(path, role, text))

    def unreadable(self, path: str, kind: UnreadableKind, stored: StoredObject | None = None) -> None:
        self.unreadables.append(Unreadable(path, kind, stored))

    def mark(self) -> int:
        return len(self.segments)

    def join(self, first: int, last: int, prefix: str) -> None:
        if first == last and not prefix:
            if self.groups[-1]:
                self.groups.append([])
            return
        self.groups[-1] += [i for i in range(first, last) if self.segments[i].path.startswith(prefix)]

    def _add(self, node: Node, path: str, role: str, place: Place = Place.TEXT) -> None:
        self.slots.append(Slot(self._at, node.start, node.end))
        context = node.key if node.key is not None and is_plain_key(node.key) else ""
        self.segments.append(Segment(path, role, str(node.value), place, context))


def collect_message(body: bytes, rule: Rule, message: str) -> tuple[Document, Collector]:
    """A websocket message taken apart by ``rule``. Raises WireError; ``message``: what says that it is no object."""
    root = Document.of_bytes(body)
    if root.root.kind != OBJECT:
        raise WireError("not_an_object", "message", message)
    collector = Collector(root)
    rule(collector, root.root, "$", "user")
    return root, collector


def parse_json(body: bytes, rule: Rule) -> JsonRequest:
    """Take a JSON body apart by ``rule``. Raises WireError."""
    root = Document.of_bytes(body)
    collector = Collector(root)
    rule(collector, root.root, "$", "user")
    return JsonRequest(body, root, collector)

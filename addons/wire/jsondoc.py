"""A JSON document that keeps its bytes: parsed strictly, spliced by source range.

May import the standard library and ``addons.wire.types`` only. Every scalar, and every member name, knows
where in the source it stands. ``splice`` replaces those ranges and nothing else, so numbers, whitespace,
member order and the escapes of untouched strings leave byte for byte.

Strict means RFC 8259: UTF-8 without a byte order mark, no NaN or Infinity, no trailing commas, no control
characters in strings. Duplicate member names are refused in what a client sends, since two parsers may read
them differently; what a model wrote is taken as it is, with every duplicate visible. Lone surrogates
(``"\\ud83d"``, which JavaScript makes when it cuts an emoji in two) are kept.

Theory of operation: one regular expression makes one match per value or member name (the comma before it, the
colon after it and the whitespace around it included), so that the cost in Python is per node and not per
character, and a long string costs one match. Each repetition in it is possessive and its last alternatives
match anything, so a hostile text is refused in linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from json.encoder import encode_basestring, encode_basestring_ascii

from addons.wire.types import WireError

MAX_DEPTH = 128
"""Nested containers, the outermost included."""
MAX_NODES = 1_000_000
"""Values and member names of one document."""

OBJECT, ARRAY, STRING, NUMBER, LITERAL = range(5)

_WS = r"[ \t\n\r]*+"
_TOKEN = re.compile(
    _WS
    + r"(,)?"
    + _WS
    + r'(?:"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+)"(?:'
    + _WS
    + r"(:))?"
    + r"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)"
    + r"|(true|false|null)"
    + r"|([{\[])"
    + r"|([}\]])"
    + r"|(\Z)"
    + r"|(.))",
    re.DOTALL,
)
_KEY, _STRING, _NUMBER, _LITERAL, _OPEN, _CLOSE, _END = 3, 2, 4, 5, 6, 7, 8  # group numbers: ``lastindex`` of a match
_LITERALS = {"true": True, "false": False, "null": None}
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_NON_ASCII = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")


class Node:
    """One JSON value, where it stands, and the name it has in its object."""

    __slots__ = ("end", "key", "key_end", "key_start", "kind", "start", "value")

    def __init__(
        self, kind: int, value: object, start: int, end: int, key: str | None, key_start: int, key_end: int
    ) -> None:
        self.kind = kind
        self.value = value
        """``list[Node]`` of a container; ``str`` of a string; the literal ``str`` of a number; True, False, None."""
        self.start = start
        self.end = end
        """Source range in code points, quotes included."""
        self.key = key
        self.key_start = key_start
        self.key_end = key_end

    @property
    def children(self) -> list[Node]:
        """Members or items in source order; empty for a scalar."""
        return self.value if isinstance(self.value, list) else []

    @property
    def string(self) -> str | None:
        """The decoded string, or None if this is none."""
        return self.value if self.kind == STRING and isinstance(self.value, str) else None

    @property
    def integer(self) -> int | None:
        """The number as an int, or None if this is not a JSON integer of at most 18 digits."""
        if self.kind == NUMBER and isinstance(self.value, str) and len(self.value) <= 18:
            try:
                return int(self.value)
            except ValueError:
                return None
        return None

    def get(self, key: str) -> Node | None:
        """The first member of that name, or None."""
        if self.kind == OBJECT:
            for child in self.children:
                if child.key == key:
                    return child
        return None

    def text(self, key: str) -> str | None:
        """The string in the first member of that name, or None."""
        child = self.get(key)
        return child.string if child is not None else None

    def plain(self) -> object:
        """The value as ``json.loads`` would give it; a duplicate name's last value wins."""
        if self.kind == OBJECT:
            return {child.key: child.plain() for child in self.children}
        if self.kind == ARRAY:
            return [child.plain() for child in self.children]
        return json.loads(self.value) if self.kind == NUMBER and isinstance(self.value, str) else self.value


class Document:
    """A parsed JSON text."""

    __slots__ = ("root", "text")

    def __init__(self, text: str, *, duplicates: bool = False, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES):
        """Parse ``text``. ``duplicates`` admits repeated member names.

        Raises WireError: ``malformed_json``, ``duplicate_key``, ``too_deep``, ``too_many_nodes``.
        """
        self.text = text
        self.root = _parse(text, duplicates, max_depth, max_nodes)

    @classmethod
    def of_bytes(cls, body: bytes, *, duplicates: bool = False) -> Document:
        """Parse a body. Raises WireError: also ``malformed_utf8`` and ``byte_order_mark``."""
        return cls(decode_utf8(body), duplicates=duplicates)

    def splice(self, edits: Iterable[tuple[int, int, str]]) -> str:
        """The source with each range ``(start, end)`` replaced; ranges may not overlap."""
        pieces: list[str] = []
        at = 0
        for start, end, new in sorted(edits):
            pieces += (self.text[at:start], new)
            at = end
        pieces.append(self.text[at:])
        return "".join(pieces)

    def literal(self, value: str, start: int, end: int) -> str:
        """``value`` as a JSON string literal in the manner of the one that stands at ``start:end``."""
        return literal(value, like=self.text[start:end])


def literal(value: str, like: str = "") -> str:
    """A JSON string literal: minimally escaped, non-ASCII as it is, unless ``like`` escapes its own non-ASCII."""
    if not like.isascii() or not _ESCAPED_NON_ASCII.search(like):
        quoted: str = encode_basestring(value)
        if _SURROGATE.search(quoted):
            quoted = _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", quoted)
        return quoted
    ascii_only: str = encode_basestring_ascii(value)
    return ascii_only


def decode_utf8(body: bytes) -> str:
    """The body as text. Raises WireError ``malformed_utf8`` or ``byte_order_mark``."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("malformed_utf8", f"byte {error.start}", "The body is not valid UTF-8") from None
    if text.startswith("\ufeff"):
        raise WireError("byte_order_mark", "byte 0", "A JSON body may not start with a byte order mark")
    return text


def _parse(text: str, duplicates: bool, max_depth: int, max_nodes: int) -> Node:
    stack: list[Node] = []
    holder = top = Node(ARRAY, [], 0, len(text), None, 0, 0)  # holds the one value of the document
    items: list[Node] = top.children
    in_object = False
    first = True  # nothing stands in this container yet: no comma wanted
    key: str | None = None
    key_start = key_end = nodes = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastindex or 0
        comma = match[1] is not None
        if kind == _CLOSE:
            if comma or key is not None or not stack or (match[7] == "}") is not in_object:
                raise _malformed(match.start(7))
            if in_object and not duplicates and len(items) > 1 and len({item.key for item in items}) != len(items):
                raise WireError("duplicate_key", f"offset {holder.start}", "An object names a member twice")
            holder.end = match.end()
            holder = stack.pop()
            items, in_object, first = holder.children, holder.kind == OBJECT, False
            continue
        if kind == _END:
            if comma or stack or not items:
                raise _malformed(len(text))
            return items[0]
        if kind > _END or comma is (first or key is not None) or (not first and not stack):
            raise _malformed(match.end() - 1)
        nodes += 1
        if nodes > max_nodes:
            raise WireError("too_many_nodes", f"offset {match.start()}", f"More than {max_nodes} values", 413)
        if kind == _KEY:
            if not in_object or key is not None:
                raise _malformed(match.start(3))
            key = match[2]
            key_start, key_end = match.start(2) - 1, match.end(2) + 1
            if "\\" in key:
                key = json.loads(text[key_start:key_end])
            first = True  # the value that follows wants no comma
            continue
        if in_object and key is None:
            raise _malformed(match.end() - 1)
        if kind == _STRING:
            value = match[2]
            start, end = match.start(2) - 1, match.end(2) + 1
            if "\\" in value:
                value = json.loads(text[start:end])
            items.append(Node(STRING, value, start, end, key, key_start, key_end))
        elif kind == _NUMBER:
            items.append(Node(NUMBER, match[4], match.start(4), match.end(), key, key_start, key_end))
        elif kind == _LITERAL:
            items.append(Node(LITERAL, _LITERALS[match[5]], match.start(5), match.end(), key, key_start, key_end))
        else:
            if len(stack) >= max_depth:
                raise WireError("too_deep", f"offset {match.start(6)}", f"Nested deeper than {max_depth} levels")
            in_object = match[6] == "{"
            node = Node(OBJECT if in_object else ARRAY, [], match.start(6), 0, key, key_start, key_end)
            items.append(node)
            stack.append(holder)
            holder, items = node, node.children
            key, first = None, True
            continue
        key, first = None, False
    raise _malformed(len(text))


def _malformed(offset: int) -> WireError:
    return WireError("malformed_json", f"offset {offset}", "The body is not valid JSON (RFC 8259)")

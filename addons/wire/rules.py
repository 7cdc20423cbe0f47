"""Rules: a small language that says what each place of a provider's JSON holds.

May import ``jsondoc`` and ``types`` of this room. A rule is a function ``(visitor, node, path, role)``. The tables in
``openai_chat.py`` and ``anthropic_messages.py`` are built from the rules here; a *visitor* says what to do at each
place: collect segments of a request (``collect.py``) or restore a reply (``restore.py``). One table serves both ways.

Every rule is total. What is not of the shape that a rule expects is walked as free-form data, never passed over: a
client that puts an object where the API wants a number gets that object scanned. The words:

NAME    identifiers and enum values: passed over if they look like one, text otherwise; numbers are passed over
TEXT    human text; a string that is itself a JSON object or array with escapes in it is walked as JSON
FREE    free-form data: every string, every member name that is no plain identifier, every integer of 6 and more digits
JSON    a string that holds JSON (tool arguments)
SCHEMA  a JSON schema: descriptions, titles, enums, constants, defaults, examples
OPAQUE  signatures and encrypted content: byte for byte
SKIP    left alone with all that is below it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from addons.wire.jsondoc import ARRAY, LITERAL, NUMBER, OBJECT, STRING, Node
from addons.wire.types import StoredObject, UnreadableKind


class Visitor(Protocol):
    """What happens at the places that rules find."""

    def name(self, node: Node, path: str, role: str) -> None:
        """A string where an identifier belongs that does not look like one."""

    def text(self, node: Node, path: str, role: str) -> None:
        """A string of human text."""

    def json_text(self, node: Node, path: str, role: str) -> None:
        """A string that holds JSON."""

    def number(self, node: Node, path: str, role: str) -> None:
        """A number in free-form data."""

    def key(self, node: Node, path: str, role: str) -> None:
        """``node``'s member name in free-form data, if it is no plain identifier."""

    def base64_text(self, node: Node, path: str, role: str, prefix: int) -> None:
        """A string whose characters from ``prefix`` on are text in base64."""

    def unreadable(self, path: str, kind: UnreadableKind, stored: StoredObject | None = None) -> None:
        """A part that cannot be read; ``stored``: what it names in the provider's store."""

    def mark(self) -> int:
        """How many segments there are so far; 0 for a visitor that counts none."""

    def join(self, first: int, last: int, prefix: str) -> None:
        """Segments ``first..last-1`` under ``prefix`` adjoin those of the previous call; an empty prefix ends it."""


Rule = Callable[[Visitor, Node, str, str], None]

_PLAIN = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[\w./:+=#$~-]{1,256}\Z", re.ASCII)
_NUMBER_AND_LETTER = re.compile(r"\d{8,}[A-Za-z]\Z", re.ASCII)
_FEW_DIGITS = re.compile(r"[\d.:-]{0,5}\Z", re.ASCII)
_PLAIN_KEY = re.compile(r"(?=.{1,40}\Z)[a-z$@_][A-Za-z_-]*+(?:\d{1,3}[A-Za-z_-]++)?+\d{0,3}\Z", re.ASCII)
_LONG_NUMBER = re.compile(r"-?\d{6,}(?:\.0+)?\Z", re.ASCII)
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,", re.ASCII | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}\Z", re.ASCII)
_MAGIC = {
    "iVBORw0KGgo": UnreadableKind.IMAGE,
    "/9j/": UnreadableKind.IMAGE,
    "R0lGOD": UnreadableKind.IMAGE,
    "UklGR": UnreadableKind.BINARY,
    "JVBERi0": UnreadableKind.FILE,
    "UEsDB": UnreadableKind.FILE,
    "H4sI": UnreadableKind.BINARY,
    "SUQz": UnreadableKind.AUDIO,
    "T2dnUw": UnreadableKind.AUDIO,
    "AAAA": UnreadableKind.BINARY,
}


def is_plain(value: str) -> bool:
    """True for what looks like an identifier or enum value: ASCII word characters with a letter, or few digits.

    Not for a long number with one letter at its end: Chinese resident ids may end in X.
    """
    return bool((_PLAIN.match(value) and not _NUMBER_AND_LETTER.match(value)) or _FEW_DIGITS.match(value))


def is_plain_key(key: str) -> bool:
    """True for the member names that programs use: ``file_path``, ``userId``, ``x-token2``; not ``Maria``."""
    return bool(_PLAIN_KEY.match(key))


def is_long_number(literal: str) -> bool:
    """True for a JSON number that can hold data: an integer of six and more digits, ``.0`` after it or not."""
    return bool(_LONG_NUMBER.match(literal))


def step(path: str, node: Node, index: int) -> str:
    """The path of a child. A name that may itself be data is given by its position, ``~2``: paths are recorded."""
    if node.key is None:
        return f"{path}[{index}]"
    return f"{path}.{node.key}" if is_plain_key(node.key) else f"{path}.~{index}"


def SKIP(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Left alone with all below it. For places that the provider's own numbers fill."""


def OPAQUE(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A signature or encrypted string: byte for byte. Anything but a string is walked."""
    if node.kind in (OBJECT, ARRAY):
        FREE(visitor, node, path, role)


def NAME(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """An identifier or enum value, a number, a boolean; a list of these."""
    if node.kind == STRING:
        if not is_plain(str(node.value)):
            visitor.name(node, path, role)
    elif node.kind == ARRAY:
        for index, child in enumerate(node.children):
            NAME(visitor, child, f"{path}[{index}]", role)
    elif node.kind == OBJECT:
        FREE(visitor, node, path, role)


def NAMES(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """An object of the API's own with nothing but identifiers and numbers in it, at any depth."""
    if node.kind == OBJECT:
        for index, child in enumerate(node.children):
            if not is_plain(child.key or ""):
                visitor.key(child, f"{path}.~{index}~key", role)
            NAMES(visitor, child, step(path, child, index), role)
    elif node.kind == ARRAY:
        for index, child in enumerate(node.children):
            NAMES(visitor, child, f"{path}[{index}]", role)
    else:
        NAME(visitor, node, path, role)


def TEXT(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Human text: a string, or a list of strings."""
    if node.kind == STRING:
        visitor.text(node, path, role)
    elif node.kind == ARRAY:
        for index, child in enumerate(node.children):
            TEXT(visitor, child, f"{path}[{index}]", role)
    else:
        FREE(visitor, node, path, role)


def FREE(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Free-form data: whatever a program or a person put there."""
    if node.kind == STRING:
        blob = blob_kind(str(node.value))
        if blob is not None:
            visitor.unreadable(path, blob)
        else:
            visitor.text(node, path, role)
    elif node.kind == NUMBER:
        if is_long_number(str(node.value)):
            visitor.number(node, path, role)
    elif node.kind != LITERAL:
        for index, child in enumerate(node.children):
            below = step(path, child, index)
            if child.key is not None and not is_plain_key(child.key):
                visitor.key(child, f"{below}~key", role)
            FREE(visitor, child, below, role)


def JSON(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """JSON inside a string, or the object itself where a client sends that instead."""
    if node.kind == STRING:
        visitor.json_text(node, path, role)
    else:
        FREE(visitor, node, path, role)


def blob_kind(value: str) -> UnreadableKind | None:
    """What a long string in free-form data hides if it is base64 of something binary, by first bytes or look."""
    if len(value) < 512:
        return None
    head = _DATA_URL.match(value)
    if head is not None:
        media = (head[1] or "text/plain").lower()
        if head[3] is None or media.startswith("text/"):
            return None
        kinds = {"image": UnreadableKind.IMAGE, "audio": UnreadableKind.AUDIO}
        return kinds.get(media.partition("/")[0], UnreadableKind.FILE)
    if not _BASE64.match(value):
        return None
    for magic, kind in _MAGIC.items():
        if value.startswith(magic) and len(set(value)) > 16:
            return kind
    sample = value[:4096]
    mixed = any(c.islower() for c in sample) and any(c.isupper() for c in sample) and any(c.isdigit() for c in sample)
    return UnreadableKind.BINARY if mixed and len(set(sample)) >= 48 else None


def constant_role(role: str, rule: Rule) -> Rule:
    """The rule, with every segment under that role."""

    def constant(visitor: Visitor, node: Node, path: str, _: str) -> None:
        rule(visitor, node, path, role)

    return constant


def fields(table: Mapping[str, Rule], other: Rule = FREE) -> Rule:
    """An object of the API's own: a rule for each known member; what is unknown is scanned whole."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.kind != OBJECT:
            FREE(visitor, node, path, role)
            return
        for index, child in enumerate(node.children):
            rule = table.get(child.key or "")
            if rule is not None:
                rule(visitor, child, f"{path}.{child.key}", role)
                continue
            below = step(path, child, index)
            if not is_plain(child.key or ""):
                visitor.key(child, f"{below}~key", role)
            other(visitor, child, below, role)

    return walk


def items(rule: Rule) -> Rule:
    """A list with one rule for every item; what is no list is given to the rule itself."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.kind != ARRAY:
            rule(visitor, node, path, role)
            return
        for index, child in enumerate(node.children):
            rule(visitor, child, f"{path}[{index}]", role)

    return walk


def parts(rule: Rule, adjoining: frozenset[str]) -> Rule:
    """The parts of one message; texts of types in ``adjoining`` that follow one another are joined."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.kind == STRING:
            visitor.text(node, path, role)
            return
        if node.kind != ARRAY:
            rule(visitor, node, path, role)
            return
        for index, child in enumerate(node.children):
            below = f"{path}[{index}]"
            first = visitor.mark()
            rule(visitor, child, below, role)
            if child.kind == STRING:
                visitor.join(first, visitor.mark(), below)
            elif child.text("type") in adjoining:
                visitor.join(first, visitor.mark(), f"{below}.text")
            else:
                visitor.join(0, 0, "")
        visitor.join(0, 0, "")

    return walk


def by_type(table: Mapping[str, Rule], other: Rule = FREE) -> Rule:
    """A union told apart by its ``type``; an unknown type is scanned whole."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        rule = table.get(node.text("type") or "", other)
        rule(visitor, node, path, role)

    return walk


def unknown_block(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A block of a type that this codec does not know: scanned whole, but for ids, signatures and what is encrypted."""
    if node.kind not in (OBJECT, ARRAY):
        FREE(visitor, node, path, role)
        return
    for index, child in enumerate(node.children):
        key, below = child.key or "", step(path, child, index)
        if key in ("type", "id") or key.endswith("_id"):
            NAME(visitor, child, below, role)
        elif key == "cache_control":
            NAMES(visitor, child, below, role)
        elif key == "signature" or key.startswith("encrypted_"):
            OPAQUE(visitor, child, below, role)
        else:
            if child.key is not None and not is_plain_key(key):
                visitor.key(child, f"{below}~key", role)
            unknown_block(visitor, child, below, role)


def unreadable(kind: UnreadableKind, rule: Rule) -> Rule:
    """A part that cannot be read as a whole; its describing members still can."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        visitor.unreadable(path, kind)
        rule(visitor, node, path, role)

    return walk


def stored_file(kind: UnreadableKind, rule: Rule, *instead: str) -> Rule:
    """A part that names a file at the provider by its ``file_id``, or holds something in a member of ``instead``."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        key = node.text("file_id") if all(node.text(name) is None for name in instead) else None
        visitor.unreadable(path, kind, StoredObject("file", key) if key else None)
        rule(visitor, node, path, role)

    return walk


def file_id(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """The id of a file at the provider, or a list of them: named, not read."""
    if node.kind == ARRAY:
        for index, child in enumerate(node.children):
            file_id(visitor, child, f"{path}[{index}]", role)
        return
    if node.string or node.kind == OBJECT:
        visitor.unreadable(path, UnreadableKind.FILE, StoredObject("file", node.string) if node.string else None)
    NAME(visitor, node, path, role)


def blob(kind: UnreadableKind) -> Rule:
    """Base64, a ``data:`` URL or a link. Text in a ``data:`` URL is read; a link is text, its target is not."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        value = node.string
        if value is None:
            FREE(visitor, node, path, role)
            return
        head = _DATA_URL.match(value)
        if head is not None and (head[1] or "text/plain").lower().startswith("text/"):
            if head[3] is None:
                visitor.text(node, path, role)
            else:
                visitor.base64_text(node, path, role, head.end())
            return
        visitor.unreadable(path, kind)
        if head is None and "://" in value[:64]:
            visitor.text(node, path, role)

    return walk


_SCHEMA_NAMES = frozenset(
    """type format required $ref $id $schema $anchor $dynamicRef $dynamicAnchor $vocabulary contentEncoding
    contentMediaType minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems
    uniqueItems minContains maxContains minProperties maxProperties nullable deprecated readOnly writeOnly strict
    dependentRequired""".split()  # noqa: SIM905
)
_SCHEMA_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_SCHEMA_NESTED = frozenset(
    """items prefixItems additionalItems additionalProperties unevaluatedItems unevaluatedProperties contains
    propertyNames anyOf allOf oneOf not if then else contentSchema""".split()  # noqa: SIM905
)


def SCHEMA(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A JSON schema (2020-12 keywords, and whatever else stands in it): always under the role ``schema``."""
    if node.kind == ARRAY:
        for index, child in enumerate(node.children):
            SCHEMA(visitor, child, f"{path}[{index}]", "schema")
        return
    if node.kind != OBJECT:
        FREE(visitor, node, path, "schema")
        return
    for index, child in enumerate(node.children):
        key, below = child.key or "", step(path, child, index)
        if key in _SCHEMA_NAMES:
            NAMES(visitor, child, below, "schema")
        elif key in _SCHEMA_NESTED:
            SCHEMA(visitor, child, below, "schema")
        elif key in _SCHEMA_MAPS and child.kind == OBJECT:
            for number, member in enumerate(child.children):
                if not is_plain(member.key or ""):
                    visitor.key(member, f"{below}.~{number}~key", "schema")
                SCHEMA(visitor, member, step(below, member, number), "schema")
        else:
            if not is_plain(key):
                visitor.key(child, f"{below}~key", "schema")
            FREE(visitor, child, below, "schema")

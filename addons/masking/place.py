"""Where in a text we are: in prose, in a string of a JSON document, in JSON inside such a string, ...

Rules for this file: pure, incremental (the answer does not depend on how the text was cut), knows
nothing of placeholders, imports ``links`` alone.

``Prose`` reads a text that may be one JSON document (its first non-space character is ``{`` or ``[``) or
may hold one in a Markdown code block marked ``json``. ``Document`` reads JSON (RFC 8259) character by
character in runs; what its strings hold, decoded, is read by a ``Prose`` one level down.

A *strict* document dies at the first character that JSON does not allow, and what follows is plain text
again: a Markdown link or a ``[x]`` is not harmed. A *lenient* one (tool arguments, which are JSON by
contract) only follows the quotes and never dies.
"""

from __future__ import annotations

import json
import re
from enum import Enum

from addons.masking.links import Links

MAX_DEPTH = 8
"""JSON inside JSON strings is followed this many levels deep."""
_MAX_NESTING = 512
_MAX_SCALAR = 64
_MAX_LINE = 100
_MAX_RAW = 4096

_SPACE = re.compile(r"[ \t\r\n]*")
_FIRST = re.compile(r"\S")
_SCALAR_RUN = re.compile(r"[-+.0-9A-Za-z]+")
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_STRICT_RUN = re.compile(r'[^"\\\x00-\x1f]+')
_LENIENT_RUN = re.compile(r'[^"\\]+')
_TO_QUOTE = re.compile(r'[^"]+')
_FENCE = re.compile(r"[ \t>*+\-0-9.)]*(?:`{3,}|~{3,})[ \t]*json[ \t\r]*", re.IGNORECASE)

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_HEX = frozenset("0123456789abcdefABCDEF")


class _Want(Enum):
    """What a strict document may go on with."""

    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    FIRST_KEY = "a key or }"
    KEY = "a key"
    COLON = "a colon"
    MORE = "a comma or a closing bracket"
    END = "nothing but space"


_VALUES = frozenset({_Want.VALUE, _Want.FIRST_VALUE})
_PAIRS = {("{", "}"): _Want.FIRST_KEY, ("[", "]"): _Want.FIRST_VALUE}
_KEYS = frozenset({_Want.KEY, _Want.FIRST_KEY})


class Prose:
    """Reads a text; says how many JSON strings deep its end lies, and (``links``) in what address, if any."""

    __slots__ = ("_document", "_head", "_level", "_line", "_links", "_raw")

    def __init__(self, level: int = 0, *, links: bool = False) -> None:
        self._level = level
        self._document: Document | None = None
        self._links = Links() if links else None
        self._raw = ""
        """The end of the document that we are in, for the case that it turns out to be none."""
        self._head = True
        """Nothing but space so far: the text may yet be a document."""
        self._line: str | None = ""
        """The current line's beginning, while it may open a code block."""

    @classmethod
    def of_json(cls, *, links: bool = False) -> Prose:
        """A reader of a text that is JSON by contract."""
        reader = cls(links=links)
        reader._head = False
        reader._document = Document(0, strict=False, links=links)
        return reader

    @property
    def depth(self) -> int:
        return 0 if self._document is None else self._document.depth

    @property
    def in_escape(self) -> bool:
        return self._document is not None and self._document.in_escape

    @property
    def address(self) -> str | None:
        """The address that the next character would go into, as far as it came; None outside of any."""
        if self._links is None:
            return None
        if self._document is None:
            return self._links.address
        if self._document.depth or not self._document.strict:
            return self._document.address
        # Outside its strings a document has no place for a value: it will turn out to be plain text.
        links = self._links.copy()
        links.feed(self._raw)
        return links.address

    def begin_address(self, address: str) -> None:
        """What was fed last stands for a whole address."""
        if self._document is not None:
            self._document.begin_address(address)
        elif self._links is not None:
            self._links.begin(address)

    def feed(self, text: str) -> None:
        position = 0
        if self._head:
            first = _FIRST.search(text)
            if first is None:
                self._read_plain(text, 0)
                return
            self._head = False
            if first[0] in "{[" and self._level < MAX_DEPTH:
                self._line = None
                self._document = Document(self._level, strict=True, links=self._links is not None)
                position = first.start()
        while position < len(text):
            if self._document is None:
                position = self._read_plain(text, position)
                continue
            begun, position = position, self._document.feed(text, position)
            if self._links is not None and self._document.strict:
                self._raw = (self._raw + text[begun:position])[-_MAX_RAW:]
            if self._document.dead:
                self._document = None
                if self._links is not None:
                    self._links.feed(self._raw)
                    self._raw = ""

    def _read_plain(self, text: str, position: int) -> int:
        end = self._read_lines(text, position)
        if self._links is not None:
            self._links.feed(text[position:end])
        return end

    def _read_lines(self, text: str, position: int) -> int:
        """Follow plain text until a code block opens or the text ends; returns how far it was read."""
        while (end := text.find("\n", position)) >= 0:
            line = self._begun(text[position : min(end, position + _MAX_LINE)])
            self._line = ""
            position = end + 1
            if line and len(line) < _MAX_LINE and self._level < MAX_DEPTH and _FENCE.fullmatch(line):
                self._document = Document(self._level, strict=True, links=self._links is not None)
                self._line = None
                return position
        self._line = self._begun(text[position : position + _MAX_LINE])
        return len(text)

    def _begun(self, more: str) -> str | None:
        return None if self._line is None else (self._line + more)[:_MAX_LINE]


class Document:
    """Reads one JSON document; the text of its strings goes to a ``Prose``."""

    __slots__ = ("_escape", "_inner", "_level", "_links", "_opened", "_scalar", "_want", "dead", "strict")

    def __init__(self, level: int, *, strict: bool, links: bool = False) -> None:
        self._level = level
        self.strict = strict
        self._links = links
        self._want = _Want.VALUE
        self._opened: list[str] = []
        self._scalar = ""
        self._inner: Prose | None = None
        """Reader of the string that we are in."""
        self._escape = ""
        """An escape sequence not yet complete."""
        self.dead = False

    @property
    def depth(self) -> int:
        return 0 if self._inner is None else 1 + self._inner.depth

    @property
    def in_escape(self) -> bool:
        return bool(self._escape) or (self._inner is not None and self._inner.in_escape)

    @property
    def address(self) -> str | None:
        return None if self._inner is None else self._inner.address

    def begin_address(self, address: str) -> None:
        if self._inner is not None:
            self._inner.begin_address(address)

    def feed(self, text: str, position: int) -> int:
        """Read on from ``position``; returns how far: the end, or where the document died."""
        size = len(text)
        while position < size and not self.dead:
            if self._inner is not None:
                position = self._read_string(self._inner, text, position)
            elif self.strict:
                position = self._read_structure(text, position)
            else:
                run = _TO_QUOTE.match(text, position)
                if run is None:
                    self._inner = Prose(self._level + 1, links=self._links)
                    position += 1
                else:
                    position = run.end()
        return position

    def _read_string(self, inner: Prose, text: str, position: int) -> int:
        char = text[position]
        if self._escape:
            return self._read_escape(inner, char, position)
        if char == '"':
            self._inner = None
            return position + 1
        if char == "\\":
            self._escape = char
            return position + 1
        run = (_STRICT_RUN if self.strict else _LENIENT_RUN).match(text, position)
        if run is None:
            self._die()
            return position
        inner.feed(run[0])
        return run.end()

    def _read_escape(self, inner: Prose, char: str, position: int) -> int:
        """One more character of an escape sequence. A wrong one kills a strict document; a lenient one takes
        the sequence as it stands."""
        sequence = self._escape + char
        if len(sequence) == 2 and char in _ESCAPES:
            self._escape = ""
            inner.feed(_ESCAPES[char])
        elif sequence == "\\u" or (len(sequence) > 2 and char in _HEX):
            self._escape = sequence
            if len(sequence) == 6:
                self._escape = ""
                inner.feed(chr(int(sequence[2:], 16)))
        elif self.strict:
            self._die()
            return position
        else:
            broken, self._escape = self._escape, ""
            inner.feed(broken)
            return position
        return position + 1

    def _read_structure(self, text: str, position: int) -> int:
        run = _SCALAR_RUN.match(text, position)
        if run is not None:
            self._scalar += run[0]
            if self._want not in _VALUES or len(self._scalar) > _MAX_SCALAR:
                self._die()
            return run.end()
        if self._scalar:
            if not _SCALAR.fullmatch(self._scalar):
                self._die()
                return position
            self._scalar = ""
            self._value_done()
        space = _SPACE.match(text, position)
        if space is not None and space.end() > position:
            return space.end()
        if not self._step(text[position]):
            self._die()
            return position
        return position + 1

    def _step(self, char: str) -> bool:
        """Take one structural character; False if JSON does not allow it here."""
        want, opened = self._want, self._opened
        if char == '"' and (want in _VALUES or want in _KEYS):
            self._inner = Prose(self._level + 1, links=self._links)
            if want in _KEYS:
                self._want = _Want.COLON
            else:
                self._value_done()
        elif char in "{[" and want in _VALUES and len(opened) < _MAX_NESTING:
            opened.append(char)
            self._want = _Want.FIRST_KEY if char == "{" else _Want.FIRST_VALUE
        elif char == ":" and want is _Want.COLON:
            self._want = _Want.VALUE
        elif char == "," and want is _Want.MORE:
            self._want = _Want.KEY if opened[-1] == "{" else _Want.VALUE
        elif opened and (opened[-1], char) in _PAIRS and want in (_Want.MORE, _PAIRS[opened[-1], char]):
            opened.pop()
            self._value_done()
        else:
            return False
        return True

    def _value_done(self) -> None:
        self._want = _Want.MORE if self._opened else _Want.END

    def _die(self) -> None:
        self.dead = True
        self._inner = None
        self._escape = ""


def escaped(value: str, depth: int) -> str:
    """The value as it must be spelled inside ``depth`` nested JSON strings (RFC 8259, section 7). Non-ASCII text stays
    as it is; lone surrogates, which no UTF-8 can hold, are escaped."""
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=False)[1:-1]
        value = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    return value


def unescaped(spelled: str, depth: int) -> str | None:
    """What a spelling inside ``depth`` nested JSON strings means; None if it is not one."""
    for _ in range(depth):
        try:
            spelled = json.loads(f'"{spelled}"')
        except ValueError:
            return None
    return spelled

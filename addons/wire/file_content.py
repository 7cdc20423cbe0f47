"""What a file is that somebody uploads, by its bytes and by what it is said to be; and its text, where it has one.

May import this room only. A file is read as text only if it *is* text (UTF-8 without control characters, by its first
bytes nothing else) and is said to be nothing else. All others are unreadable, and the policy decides about those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.content import UnreadRequest, is_json
from addons.wire.jsondoc import ARRAY, OBJECT, Document
from addons.wire.jsonl import BOM, parse_lines
from addons.wire.rules import FREE, blob_kind
from addons.wire.stored import NOTHING_STORED
from addons.wire.types import ParsedRequest, Segment, Unreadable, UnreadableKind, WireError

CHUNK = 16_384
"""Characters of a long text that are one segment, if a paragraph or a line ends there."""

_MAGIC: Sequence[tuple[bytes, UnreadableKind]] = (
    (b"\x89PNG", UnreadableKind.IMAGE),
    (b"\xff\xd8\xff", UnreadableKind.IMAGE),
    (b"GIF8", UnreadableKind.IMAGE),
    (b"II*\x00", UnreadableKind.IMAGE),
    (b"MM\x00*", UnreadableKind.IMAGE),
    (b"ID3", UnreadableKind.AUDIO),
    (b"\xff\xfb", UnreadableKind.AUDIO),
    (b"OggS", UnreadableKind.AUDIO),
    (b"fLaC", UnreadableKind.AUDIO),
    (b"%PDF", UnreadableKind.FILE),
    (b"PK\x03\x04", UnreadableKind.FILE),
    (b"\xd0\xcf\x11\xe0", UnreadableKind.FILE),
    (b"{\\rtf", UnreadableKind.FILE),
    (b"%!PS", UnreadableKind.FILE),
)
_RIFF = {b"WEBP": UnreadableKind.IMAGE, b"WAVE": UnreadableKind.AUDIO, b"AVI ": UnreadableKind.FILE}
_SAID = {"image": UnreadableKind.IMAGE, "audio": UnreadableKind.AUDIO, "video": UnreadableKind.FILE}
_SEARCHED = 1024
"""Bytes before a PDF's header that readers admit (ISO 32000-1, annex H)."""
_TEXTS = frozenset(
    """application/json application/jsonl application/x-jsonl application/x-ndjson application/ndjson application/json5
    application/xml application/yaml application/x-yaml application/toml application/javascript application/ecmascript
    application/x-javascript application/typescript application/sql application/x-sh application/csv application/x-tex
    application/x-python application/x-python-code application/x-httpd-php application/graphql application/x-latex
    application/octet-stream image/svg+xml video/mp2t""".split()  # noqa: SIM905
)
"""Types that are text, or that clients state for want of a better one (``video/mp2t``: .ts is TypeScript to them)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_MAIL = re.compile(r"(?im)^(?:MIME-Version|Content-Transfer-Encoding)[ \t]*:")
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")


def kind_of(content: bytes, media: str) -> UnreadableKind | None:
    """Why a file cannot be read as text; None if it can. ``media``: what it is said to be, empty for nothing."""
    found = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    if content[:4] == b"RIFF":
        found = _RIFF.get(content[8:12], UnreadableKind.BINARY)
    if found is None and b"%PDF-" in content[: _SEARCHED + 5]:
        found = UnreadableKind.FILE
    if found is not None:
        return found
    group = media.partition("/")[0]
    is_text = not media or group == "text" or media in _TEXTS or media.endswith(("+json", "+xml"))
    if not is_text:
        return _SAID.get(group, UnreadableKind.FILE)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return UnreadableKind.BINARY
    if _CONTROL.search(text):
        return UnreadableKind.BINARY
    if _MAIL.search(text[:CHUNK]):  # a mail's attachments are in base64 below
        return UnreadableKind.FILE
    return blob_kind("".join(text.split())) if " " not in text.strip() else None


def parse_file(content: bytes, media: str) -> ParsedRequest:
    """Take a file apart: JSON and JSON Lines by their strings, other text as it is, what is no text not at all."""
    kind = kind_of(content, media)
    if kind is not None:
        return UnreadRequest(content, (Unreadable("$", kind),))
    head = content.removeprefix(BOM).lstrip()[:1]
    if head in (b"{", b"[") or is_json(media):
        for read in (_document, parse_free_lines):
            try:
                return read(content)
            except WireError:
                continue
    return TextBody(content)


def _document(content: bytes) -> ParsedRequest:
    root = Document.of_bytes(content)
    if root.root.kind not in (OBJECT, ARRAY):
        raise WireError("malformed_json", "$", "Neither an object nor an array")
    return parse_free(content)


def parse_free(content: bytes) -> JsonRequest:
    """A JSON document of anybody's, by its strings. Raises WireError."""
    return parse_json(content, FREE)


def parse_free_lines(content: bytes) -> ParsedRequest:
    """The same for lines. Raises WireError."""
    return parse_lines(content, parse_free)


class TextBody:
    """A text, in pieces that end where a paragraph or a line ends. A ``ParsedRequest``."""

    def __init__(self, body: bytes, role: str = "user", context: str = ""):
        """Raises UnicodeDecodeError for what is not UTF-8."""
        self.body = body
        self._mark = BOM if body.startswith(BOM) else b""
        text = body[len(self._mark) :].decode("utf-8")
        self.segments: Sequence[Segment] = [Segment("$", role, piece, context=context) for piece in pieces(text)]
        self.unreadable: Sequence[Unreadable] = ()
        self.joins: Sequence[Sequence[int]] = ()
        self.model: str | None = None
        self.stream = False
        self.stored = NOTHING_STORED

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``. Raises WireError ``not_an_object`` for a model."""
        if model is not None:
            raise WireError("not_an_object", "body", "A model can only be named in a JSON object")
        whole = "".join([texts.get(i, segment.text) for i, segment in enumerate(self.segments)])
        return self._mark + whole.encode("utf-8", "surrogatepass")


def pieces(text: str) -> list[str]:
    """The text cut behind paragraphs, else behind lines, so that pieces have about ``CHUNK`` characters; a line is
    never cut, since it may hold a value at any place."""
    out: list[str] = []
    at = 0
    while len(text) - at > CHUNK:
        ends = [match.end() for match in _PARAGRAPH.finditer(text, at + CHUNK // 2, at + CHUNK)]
        cut = ends[-1] if ends else text.rfind("\n", at + CHUNK // 2, at + CHUNK) + 1
        if cut <= 0:
            cut = text.find("\n", at + CHUNK) + 1
        if cut <= 0:
            break
        out.append(text[at:cut])
        at = cut
    if at < len(text):
        out.append(text[at:])
    return out

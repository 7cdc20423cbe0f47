"""``multipart/form-data`` taken apart and put together again (RFC 7578 over RFC 2046), with its bytes kept.

May import ``types`` of this room only. Strict where two parsers could read a form differently: a boundary stands at the
beginning of a line that ends in CRLF and nowhere else; a part has one ``Content-Disposition: form-data`` and no header
but those that are read here; what is nested is refused. Nothing of a form is passed over: what is not a part's content,
a file's name or a word of the syntax is refused. Encoding a form again without edits gives the bytes that came.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from addons.wire.types import WireError

MEDIA = "multipart/form-data"
CODE = "malformed_form"
"""Error code of a form that is none."""
MAX_PARTS = 256
MAX_HEAD = 8192
"""Bytes of one part's headers."""

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})=(?:"((?:[^"\\]|\\.)*)"|({_WORD}))')
_HEADER = re.compile(rf"({_WORD}):[ \t]*(.*?)[ \t]*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}(?:\[[\w.-]{0,63}\])*", re.ASCII)
_MEDIA = re.compile(rf"({_WORD}/{_WORD})")
_ESCAPED = re.compile(r'\\(["\\])')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_KNOWN = frozenset({"content-disposition", "content-type", "content-transfer-encoding", "content-length"})
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_LINE_OF_BASE64 = 76


@dataclass(frozen=True, slots=True)
class FileName:
    """A parameter of a part's head that names a file."""

    text: str
    start: int
    end: int
    """Where its value stands in the head, quotes included."""
    extended: bool
    """It is ``filename*`` (RFC 8187)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field or file of a form."""

    name: str
    filenames: Sequence[FileName]
    """Empty for a field; one, or two that should say the same, for a file."""
    media: str
    """Content type in lower case, without parameters; empty if it states none."""
    charset: str
    content: bytes = field(repr=False)
    """Without transfer encoding."""
    head: str = field(repr=False)
    start: int
    """Where the head begins in the body."""
    end: int
    """Where the raw content ends."""
    base64: str
    """Empty: its content is as it is. Else it is in base64, in lines (``lines``) or in one (``one``)."""
    length: tuple[int, int] | None
    """Where in the head the value of ``Content-Length`` stands."""

    @property
    def is_file(self) -> bool:
        """True for a part that has a file name, empty or not."""
        return bool(self.filenames)

    @property
    def readable(self) -> bool:
        """True if its charset is UTF-8, stated or by default."""
        return self.charset in _UTF8


@dataclass(frozen=True, slots=True)
class Edit:
    """What of a part changes."""

    content: bytes | None = field(default=None, repr=False)
    filenames: Mapping[int, str] = field(default_factory=dict, repr=False)


class Form:
    """A parsed form."""

    def __init__(self, body: bytes, delimiter: bytes, parts: Sequence[Part]):
        self.body = body
        self.parts = parts
        self._delimiter = delimiter

    def encode(self, edits: Mapping[int, Edit]) -> bytes:
        """The form with parts changed, all else byte for byte. Raises WireError where what is put in ends a part."""
        out: list[bytes] = []
        done = 0
        for index, edit in sorted(edits.items()):
            part = self.parts[index]
            head = part.head.encode("utf-8")
            content = self.body[part.start + len(head) : part.end]
            if edit.content is not None and edit.content != part.content:
                content = _transferred(edit.content, part.base64)
            head = _edited(part, edit.filenames, len(content)).encode("utf-8")
            if _ends_early(b"\r\n" + content, self._delimiter):
                raise WireError(CODE, f"part {index + 1}", "A part would hold the form's own boundary")
            out += (self.body[done : part.start], head, content)
            done = part.end
        return b"".join(out) + self.body[done:]


def is_form(content_type: str | None) -> bool:
    """True for ``multipart/form-data``, whatever its parameters."""
    return (content_type or "").partition(";")[0].strip().lower() == MEDIA


def parse_multipart(body: bytes, content_type: str) -> Form:
    """Take a form apart. Raises WireError ``malformed_form``, ``unsupported_charset``, ``too_many_parts``."""
    delimiter = b"--" + _boundary(content_type).encode("ascii")
    marks = _marks(body, delimiter)
    parts = []
    parts = [
        _part(body, mark + len(delimiter) + 2, following - 2, f"part {number}")
        for number, (mark, following) in enumerate(itertools.pairwise(marks), 1)
    ]
    return Form(body, delimiter, tuple(parts))


def _malformed(where: str, message: str) -> WireError:
    return WireError(CODE, where, message)


def _boundary(content_type: str) -> str:
    media, _, _ = content_type.partition(";")
    found = _parameters(content_type, len(media), "content-type")
    if found.get("charset", ("", 0, 0))[0].lower() not in _UTF8:
        raise WireError("unsupported_charset", "content-type", "Send forms in UTF-8", 415)
    boundary = found.get("boundary", ("", 0, 0))[0]
    if not _BOUNDARY.fullmatch(boundary):
        raise _malformed("content-type", "A form needs a boundary of 1 to 70 characters (RFC 2046)")
    return boundary


def _parameters(text: str, at: int, where: str) -> dict[str, tuple[str, int, int]]:
    """Name -> decoded value and its range, from ``at`` to the end of ``text``."""
    found: dict[str, tuple[str, int, int]] = {}
    while at < len(text.rstrip(" \t;")):
        match = _PARAMETER.match(text, at)
        if match is None or match[1].lower() in found:
            raise _malformed(where, "Its parameters cannot be read")
        quoted, at = match[2], match.end()
        value = match[3] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        group = 3 if quoted is None else 2
        around = 0 if quoted is None else 1
        found[match[1].lower()] = value, match.start(group) - around, match.end(group) + around
    return found


def _marks(body: bytes, delimiter: bytes) -> list[int]:
    """Where the delimiters stand, the closing one last; whatever could be taken for one and is none is refused."""
    marks: list[int] = []
    closed = False
    at = body.find(delimiter)
    if at not in (0, 2) or body[:at] not in (b"", b"\r\n"):
        raise _malformed("body", "A form begins with its boundary")
    while at >= 0:
        if at == 0 or body[at - 1 : at] in (b"\n", b"\r"):
            after = body[at + len(delimiter) : at + len(delimiter) + 2]
            if closed or (at > 0 and body[at - 2 : at] != b"\r\n") or after not in (b"\r\n", b"--"):
                raise _malformed("body", "The form's boundary stands where it does not belong")
            closed = after == b"--"
            marks.append(at)
            if len(marks) > MAX_PARTS + 1:
                raise WireError("too_many_parts", "body", f"A form of more than {MAX_PARTS} parts", 413)
        at = body.find(delimiter, at + 1)
    if not closed or body[marks[-1] + len(delimiter) + 2 :] not in (b"", b"\r\n"):
        raise _malformed("body", "The form is cut short, or goes on behind its end")
    return marks


def _ends_early(content: bytes, delimiter: bytes) -> bool:
    return b"\n" + delimiter in content or b"\r" + delimiter in content


def _part(body: bytes, start: int, end: int, where: str) -> Part:
    stop = body.find(b"\r\n\r\n", start, min(end, start + MAX_HEAD))
    if stop < 0:
        raise _malformed(where, "Its headers do not end, or are too long")
    try:
        head = body[start : stop + 4].decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed(where, "Its headers are not UTF-8") from None
    headers = _headers(head, where)
    disposition, at = headers.get("content-disposition", ("", 0))
    kind = disposition.partition(";")[0]
    if kind.strip().lower() != "form-data":
        raise _malformed(where, "It lacks `Content-Disposition: form-data`")
    given = _parameters(disposition, len(kind), where)
    name = given.pop("name", ("", 0, 0))[0]
    if not _NAME.fullmatch(name) or not given.keys() <= {"filename", "filename*"}:
        raise _malformed(where, "It has no name, or one that no field has, or other parameters")
    filenames = [
        FileName(_extended(value, where) if key == "filename*" else value, at + first, at + last, key == "filename*")
        for key, (value, first, last) in sorted(given.items())
    ]
    media, charset = _media(headers.get("content-type", ("", 0))[0], where)
    raw = body[stop + 4 : end]
    length = headers.get("content-length")
    if length is not None and length[0] != str(len(raw)):
        raise _malformed(where, "Its Content-Length is wrong")
    content, encoded = _untransferred(raw, headers.get("content-transfer-encoding", ("", 0))[0].lower(), where)
    place = (length[1], length[1] + len(length[0])) if length is not None else None
    return Part(name, tuple(filenames), media, charset, content, head, start, end, encoded, place)


def _headers(head: str, where: str) -> dict[str, tuple[str, int]]:
    """Name -> value and where it begins in the head."""
    found: dict[str, tuple[str, int]] = {}
    at = 0
    for line in head[:-4].split("\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None or _CONTROL.search(line) or match[1].lower() in found or match[1].lower() not in _KNOWN:
            raise _malformed(where, "It has a header that is malformed, doubled or none of a form's")
        found[match[1].lower()] = match[2], at + match.start(2)
        at += len(line) + 2
    return found


def _media(content_type: str, where: str) -> tuple[str, str]:
    if not content_type:
        return "", ""
    match = _MEDIA.match(content_type)
    if match is None:
        raise _malformed(where, "Its Content-Type cannot be read")
    media = match[1].lower()
    if media.startswith("multipart/"):
        raise _malformed(where, "Forms within forms are not read")
    return media, _parameters(content_type, match.end(), where).get("charset", ("", 0, 0))[0].lower()


def _untransferred(raw: bytes, encoding: str, where: str) -> tuple[bytes, str]:
    """The content without its transfer encoding (RFC 2045, section 6), and how that was written."""
    if encoding in _IDENTITY:
        return raw, ""
    if encoding != "base64":
        raise WireError("unsupported_encoding", where, "Send parts of a form as they are, or in base64", 415)
    try:
        return base64.b64decode(raw.replace(b"\r\n", b""), validate=True), "lines" if b"\r\n" in raw else "one"
    except binascii.Error:
        raise WireError("malformed_encoding", where, "Its base64 is broken") from None


def _transferred(content: bytes, encoded: str) -> bytes:
    if not encoded:
        return content
    whole = base64.b64encode(content)
    if encoded == "one":
        return whole
    return b"\r\n".join(whole[at : at + _LINE_OF_BASE64] for at in range(0, len(whole), _LINE_OF_BASE64))


def _extended(value: str, where: str) -> str:
    """``UTF-8''na%C3%AFve.txt`` (RFC 8187)."""
    charset, _, rest = value.partition("'")
    language, mark, encoded = rest.partition("'")
    if charset.lower() != "utf-8" or not mark or language:
        raise _malformed(where, "Its `filename*` is not UTF-8 in percent encoding")
    try:
        return unquote_to_bytes(encoded).decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed(where, "Its `filename*` is not UTF-8 in percent encoding") from None


def _edited(part: Part, filenames: Mapping[int, str], length: int) -> str:
    """The head with other file names, and the length that its content has now."""
    head = part.head
    edits = []
    for i, one in enumerate(part.filenames):
        if i in filenames and filenames[i] != one.text:
            edits.append((one.start, one.end, _written(head[one.start : one.end], one, filenames[i])))
    if part.length is not None:
        edits.append((*part.length, str(length)))
    for start, end, new in sorted(edits, reverse=True):
        head = head[:start] + new + head[end:]
    return head


def _written(old: str, name: FileName, text: str) -> str:
    """A file name in the manner of the one that stood there. Controls cannot be written and become spaces."""
    text = _CONTROL.sub(" ", text)
    if name.extended:
        return "UTF-8''" + quote(text, safe="")
    if _ESCAPED.sub(r"\1", text) == text and '"' not in text and not text.endswith("\\") and not _ESCAPED.search(old):
        return f'"{text}"'
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

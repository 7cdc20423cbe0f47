"""What ``coatcheck detect`` reads: files, whole folders, standard input; named and left out what is no text.

Text is UTF-8, or UTF-16 behind its byte order mark, or what the user says. Bytes that are neither come through as
lone surrogates (PEP 383) and leave as they came. Imports nothing of ours.
"""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STDIN = "-"
LARGEST = 256 << 20
"""Bytes of the largest file that is read: it is held in memory as a whole."""
_SNIFFED = 8_192
"""Bytes in which a NUL means that this is no text (git looks at as many)."""
_NOT_ENTERED = frozenset({".git", ".hg", ".svn"})
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Unread(Exception):
    """A file that is not read, and why; never its contents."""


class Binary(Unread):
    """A file that is no text."""


@dataclass(frozen=True, slots=True)
class Source:
    """One text and where it comes from."""

    name: str
    text: str
    strange_bytes: int = 0
    """Bytes that the encoding does not know: around them, names may be missed."""
    hint: str = ""
    """An encoding that would fit them."""


def walk(paths: Iterable[str]) -> Iterator[str]:
    """The files meant: a folder stands for all below it, in order of name, links not followed.

    Hidden files are among them, as secrets like to live there; ``.git`` and its like are not.
    """
    for path in paths:
        if path == STDIN or not Path(path).is_dir():
            yield path
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _NOT_ENTERED)
            for name in sorted(files):
                file = Path(folder, name)
                if not file.is_symlink():
                    yield str(file)


def read(path: str, *, encoding: str | None = None, binary: bool = False) -> Source:
    """The text of a file, ``-`` for standard input. ``binary``: even if it looks like none. Raises Unread."""
    if path == STDIN:
        return _decoded("standard input", sys.stdin.buffer.read(), encoding)
    try:
        with Path(path).open("rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > LARGEST:
                raise Unread(f"larger than {LARGEST >> 20} MiB; split it")
            data = stream.read()
    except OSError as error:
        raise Unread((error.strerror or "input/output error").lower()) from None
    except ValueError:  # a NUL in the name
        raise Unread("not a file name") from None
    marked = any(data.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS)
    if not (binary or encoding or marked) and b"\0" in data[:_SNIFFED]:
        raise Binary("binary, not read; --binary reads it as text")
    return _decoded(path, data, encoding)


def count_lines(path: str) -> int | None:
    """How many line ends a file has; None where only reading it would tell."""
    if path == STDIN or not Path(path).is_file():
        return None
    with Path(path).open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def known_encoding(name: str) -> bool:
    """Is there a text encoding of this name?"""
    try:
        return isinstance("".encode(name), bytes)
    except (LookupError, ValueError):
        return False


def _decoded(name: str, data: bytes, encoding: str | None) -> Source:
    marked = next((called for mark, called in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    using = encoding or marked
    try:
        return Source(name, data.decode(using))
    except UnicodeDecodeError:
        pass
    if using == "utf-8":
        text = data.decode("utf-8", "surrogateescape")
        strange = sum("\udc80" <= char <= "\udcff" for char in text)
    else:  # surrogateescape is for ASCII-like encodings only
        text = data.decode(using, "replace")
        strange = text.count("\ufffd")
    return Source(name, text, strange, "" if encoding else _fitting(data))


def _fitting(data: bytes) -> str:
    """The encoding of most Chinese text that is not UTF-8, if it fits."""
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "gb18030"

"""Makes recorded text harmless on a terminal: what is recorded came from clients and may try to be more than text.

Pure; imports nothing of ours.
"""

from __future__ import annotations

import json
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that act or do not show: controls, format and bidi characters, surrogates, separators."""


def visible(text: str) -> str:
    """The text with every control, bidi, zero-width or unassigned character written as an escape (``\\x1b``)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def visible_json(value: object) -> str:
    """JSON on one line; readable where it can be (Chinese stays Chinese), escaped where a terminal would act on it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    if text.isascii() and text.isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if unicodedata.category(c) in _HIDDEN else c for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""JSON Canonicalization Scheme (RFC 8785): one byte sequence for one JSON value. Pure; imports nothing of ours.

Strings and literals are as Python's own JSON encoder writes them without ASCII escapes, which is what the RFC asks
for; what is left to do is ECMAScript's way to write numbers and the order of keys (by UTF-16 code units).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, NoReturn

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader takes exactly (I-JSON, RFC 7493)."""

quoted = encode_basestring
"""A string as a JSON string: only what must be escaped is, in the shortest form."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value (None, bool, int, float, str, sequences, mappings).

    Raises ValueError for what JSON cannot hold exactly: NaN, infinities, integers beyond `MAX_INTEGER`, lone
    surrogates, keys that are not strings, other types.
    """
    return _text(value).encode("utf-8")


def read(text: str | bytes) -> Any:
    """The value of a JSON text, so that `canonical` writes canonical text as it was. Raises ValueError."""
    return json.loads(text, parse_int=_integer, parse_constant=_no_number)


def _integer(text: str) -> int | float:
    """Beyond what a double holds exactly, JSON's numbers are doubles and nothing else."""
    value = int(text) if len(text) <= 17 else float(text)
    return float(text) if abs(value) > MAX_INTEGER else value


def _no_number(_: str) -> NoReturn:
    raise ValueError("JSON has no NaN and no infinity")


def number(value: float) -> str:
    """A number as ECMAScript's ``Number::toString`` writes it (ECMA-262, section 6.1.6.1.20). Raises ValueError."""
    if not math.isfinite(value):
        raise ValueError("JSON has no NaN and no infinity")
    text = repr(float(value))
    if 1e-4 <= abs(value) < 1e16:  # here Python's shortest form is ECMAScript's, but for a trailing ".0"
        return text.removesuffix(".0")
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    significant = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(significant))
    digits = significant.rstrip("0")
    if not digits:
        return "0"
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            if abs(value) > MAX_INTEGER:
                raise ValueError("an integer is beyond what JSON readers take exactly")
            return str(int(value))
        case float():
            return number(value)
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("a JSON object's keys are strings")
            keys = sorted(value, key=_utf16)
            return "{" + ",".join(f"{quoted(key)}:{_text(value[key])}" for key in keys) + "}"
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return "[" + ",".join(map(_text, value)) + "]"
    raise ValueError("not a JSON value")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")

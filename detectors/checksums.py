"""Checksums by name, for recognizers that the configuration brings. The arithmetic is ``python-stdnum``'s.

Imports nothing of ours.

``mod11`` is the weighted sum of ISBN-10 and its many kin: each digit times its place from the right (the check digit,
X for ten, times one) makes a multiple of 11. ``mod97`` and the ``iso7064_…`` ones are those of ISO/IEC 7064.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import MappingProxyType

from stdnum import damm, luhn, verhoeff
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_2, mod_37_36, mod_97_10

Check = Callable[[str], bool]

_STDNUM = re.compile(r"stdnum(?:\.[a-z][a-z0-9_]*){1,3}")
_SEPARATORS = re.compile(r"[\s\-./_]+")


def _mod11(number: str) -> bool:
    if not re.fullmatch(r"[0-9]+[0-9X]", number):
        return False
    digits = [10 if char == "X" else int(char) for char in reversed(number)]
    return sum(place * digit for place, digit in enumerate(digits, 1)) % 11 == 0


_BY_NAME: MappingProxyType[str, Check] = MappingProxyType(
    {
        "luhn": luhn.is_valid,
        "verhoeff": verhoeff.is_valid,
        "damm": damm.is_valid,
        "mod11": _mod11,
        "mod97": mod_97_10.is_valid,
        "iso7064_mod_11_2": mod_11_2.is_valid,
        "iso7064_mod_11_10": mod_11_10.is_valid,
        "iso7064_mod_37_2": mod_37_2.is_valid,
        "iso7064_mod_37_36": mod_37_36.is_valid,
        "iso7064_mod_97_10": mod_97_10.is_valid,
    }
)
CHECKSUMS = tuple(_BY_NAME)
"""Names; besides them every module of ``python-stdnum`` that has ``is_valid``: ``stdnum.de.idnr``."""


def checksum(name: str) -> Check:
    """The check of that name: value in (separators allowed), true or false out, never an exception.

    Raises ValueError for an unknown name.
    """
    by_name = _BY_NAME.get(name)
    if by_name is not None:
        check = by_name
        return lambda value: _holds(check, _SEPARATORS.sub("", value).upper())
    if not _STDNUM.fullmatch(name):
        raise ValueError(f"should be one of {', '.join(CHECKSUMS)}, or a module such as `stdnum.de.idnr`")
    try:
        module_check: Check = importlib.import_module(name).is_valid
    except (ImportError, AttributeError):
        raise ValueError("python-stdnum has no such module with a checksum") from None
    return lambda value: _holds(module_check, value)


def _holds(check: Check, value: str) -> bool:
    try:
        return bool(check(value))
    except Exception:  # of a module for numbers of another form
        return False

"""Where a value may not be put back: addresses that the caller did not write, arguments of tools that nobody trusts.

Rules for this file: pure; imports this room's files. What a reply puts into an address leaves the house as soon as the
address is opened (an image at once); a model that was told to by a poisoned page needs no more than that. So a
placeholder in an address is restored only where the caller wrote the same address with the same value in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from addons.masking.place import Prose

_MAX_REST = 400
"""Characters after a placeholder that are compared with what the caller wrote there."""
_HOST_DONE = re.compile(r"(?:[^/?#\\]*:)?+(?:\\*/)*+[^/?#\\]+[/?#\\]")
_IN_HOST = re.compile(r"[^/?#\\\s<>\"'`)\]}]*")
_CLOSED = re.compile(r"[.,;:!?'\")\]}*]{0,3}(?:[\x00-\x20<>\"`/?#\\|]|\Z)")
_URL = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://|www\.)", re.IGNORECASE)
_URL_WITH_HOST = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://)?[^/?#\\]+[/?#\\]", re.IGNORECASE)


class AddressRule(StrEnum):
    """Whether placeholders in addresses are restored."""

    CALLER_ONLY = "caller_only"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ToolTrust:
    """Which tools' arguments get values back: the caller's own functions, unless the lists say otherwise."""

    trusted: Sequence[str] = ()
    untrusted: Sequence[str] = ()
    """Patterns of names; these go first."""

    def trusts(self, name: str, *, hosted: bool) -> bool:
        """``hosted``: the provider, or a server that it calls, runs the tool."""
        if any(fnmatchcase(name, pattern) for pattern in self.untrusted) or (self.untrusted and not name):
            return False
        return not hosted or any(fnmatchcase(name, pattern) for pattern in self.trusted)


@dataclass(frozen=True, slots=True)
class Outlets:
    """What the policy says of one flow's reply."""

    addresses: AddressRule = AddressRule.ALWAYS
    tools: ToolTrust = ToolTrust(trusted=("*",))


def is_address(value: str) -> bool:
    """True for a value that is itself a URL, or begins with one."""
    return _URL.match(value) is not None


class CallerAddresses:
    """The addresses with placeholders in them that the caller wrote, read from the masked request when first asked."""

    def __init__(self, texts: Callable[[], Collection[str]], tokens: Callable[[], Collection[str]]) -> None:
        self._texts = texts
        self._tokens = tokens
        self._known: dict[str, set[str]] | None = None

    def hold(self, address: str, token: str, value: str, following: str, *, ended: bool) -> bool | None:
        """True if the caller wrote this address up to this value, for the same host; None if more text decides it."""
        if not address and is_address(value):
            return True if _URL_WITH_HOST.match(value) else _closed(following, ended=ended)
        rests = self._read().get(address + token)
        if rests is None:
            return False
        if _HOST_DONE.match(address):
            return True
        answers = {_same_host(rest, following, ended=ended) for rest in rests}
        return True if True in answers else None if None in answers else False

    def _read(self) -> dict[str, set[str]]:
        if self._known is None:
            self._known = {}
            tokens = self._tokens()
            if tokens:
                exact = re.compile("|".join(map(re.escape, tokens)))
                for text in self._texts():
                    self._note(text, exact, self._known)
        return self._known

    def _note(self, text: str, exact: re.Pattern[str], known: dict[str, set[str]]) -> None:
        place = Prose(links=True)
        done = 0
        for found in exact.finditer(text):
            place.feed(text[done : found.start()])
            address = place.address
            if address is not None:
                rest = text[found.end() : found.end() + _MAX_REST]
                known.setdefault(address + found[0], set()).add(_host_rest(rest))
            place.feed(found[0])
            done = found.end()


def _host_rest(rest: str) -> str:
    """The rest of a host's name, as far as it goes."""
    found = _IN_HOST.match(rest)
    return "" if found is None else found[0].rstrip(".,;:!*")


def _same_host(rest: str, following: str, *, ended: bool) -> bool | None:
    if following.startswith(rest):
        return _closed(following[len(rest) :], ended=ended)
    return None if not ended and rest.startswith(following) else False


def _closed(following: str, *, ended: bool) -> bool | None:
    """True if what follows cannot go on with a host's name; None if more text decides it."""
    found = _CLOSED.match(following)
    if found is None:
        return False
    return True if ended or found.end() < len(following) or not _at_end(found, following) else None


def _at_end(found: re.Match[str], following: str) -> bool:
    """True if only the text's end has closed it."""
    return found.end() == len(following) and (not following or following[-1] in ".,;:!?'\")]}*")

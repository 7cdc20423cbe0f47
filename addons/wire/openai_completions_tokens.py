"""The ``logprobs`` of a (legacy) completion: columns of tokens, kept in step with the text while it is restored.

May import this room only. Columns are read as the entries that ``logprobs.py`` knows, and written as columns again.
``text_offset`` counts code points of prompt and completion: the prompt's length is that of the caller's own prompt.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from typing import Any

from addons.wire.logprobs import Atom, Entry, aligned, atoms_of
from addons.wire.types import KnowsRequest, Restoration

_COLUMNS = {"tokens": "token", "token_logprobs": "logprob", "top_logprobs": "top_logprobs"}
"""Column -> member of an entry."""
OFFSETS = "text_offset"
_BYTES = re.compile(r"bytes:((?:\\x[0-9a-fA-F]{2})+)\Z")
"""A token that is no whole character, as OpenAI writes it."""


def entries_of(logprobs: Any) -> list[Entry] | None:
    """The tokens as entries, none if it has none; None if these are no columns of one length."""
    tokens = logprobs.get("tokens") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return None
    columns = [logprobs.get(name) for name in (*_COLUMNS, OFFSETS)]
    if any(column is not None and (not isinstance(column, list) or len(column) != len(tokens)) for column in columns):
        return None
    named = [(member, logprobs[name]) for name, member in _COLUMNS.items() if logprobs.get(name) is not None]
    return [
        {member: column[at] for member, column in named} | {"bytes": list(_bytes(token))}
        for at, token in enumerate(tokens)
    ]


def _bytes(token: str) -> bytes:
    found = _BYTES.match(token)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else token.encode("utf-8", "surrogatepass")


def written_columns(told: Mapping[str, Any], entries: Sequence[Entry], offset: int | None) -> dict[str, Any]:
    """Columns like those of ``told``, for these entries; their text begins at ``offset`` (None: not known)."""
    new = dict(told)
    for name, member in _COLUMNS.items():
        if isinstance(told.get(name), list):
            new[name] = [entry.get(member) for entry in entries]
    if isinstance(told.get(OFFSETS), list):
        new[OFFSETS] = None if offset is None else _offsets(entries, offset)
    return new


def _offsets(entries: Sequence[Entry], offset: int) -> list[int]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(decoder.decode(bytes(entry["bytes"])))
    return offsets


def first_offset(logprobs: Any) -> int | None:
    """Where the first of the tokens begins; None if that is not told."""
    offsets = logprobs.get(OFFSETS) if isinstance(logprobs, dict) else None
    first = offsets[0] if isinstance(offsets, list) and offsets else None
    return first if isinstance(first, int) else None


def origin_of(offset: int | None, restoration: Restoration) -> int | None:
    """Where a completion begins behind the caller's own prompt, if it begins at ``offset`` behind the prompt that was
    sent; None if that cannot be known. Servers that do not count the prompt begin at 0."""
    if not offset or not isinstance(restoration, KnowsRequest):
        return offset
    texts, own = restoration.sent_texts()
    lengths = [(len(text), len(own.whole(text))) for text in dict.fromkeys(texts)]
    found = {new for old, new in lengths if old == offset}
    if not found and all(old == new for old, new in lengths):
        return offset
    return found.pop() if len(found) == 1 else None


def respelled(logprobs: Any, text: str, restored: str, restoration: Restoration) -> dict[str, Any] | None:
    """The columns of a whole completion, spelling what its text became; None if they cannot."""
    entries = entries_of(logprobs)
    if entries is None:
        return None if text != restored else logprobs
    atoms: Sequence[Atom] | None = atoms_of(entries, text)
    if text != restored:
        new = aligned(atoms, restoration.text(), restored) if atoms is not None else None
        if new is None:
            return None
        entries = new
    offset = first_offset(logprobs)
    origin = origin_of(offset, restoration)
    if text == restored and origin == offset:
        return dict(logprobs)
    return written_columns(logprobs, entries, origin)

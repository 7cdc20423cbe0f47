"""Tokens and their probabilities, kept in step with the text that they spell while it is restored.

May import this room only. A model spells a placeholder in several tokens. ``TokenRun`` feeds a run to its restorer
token by token and tells what became of each: tokens that left as they came keep their entries; those that make up what
was replaced are merged into one entry, so that the tokens, joined, are the restored text. A token of which a part is
held back waits as a whole. Alternatives (``top_logprobs``) are never restored, and a merged entry has none.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from addons.wire.types import TextRestorer

type Entry = dict[str, Any]

UNLIKELY = -9999.0
"""What OpenAI writes for the logarithm of a probability that it does not tell."""
_SPECIAL = re.compile(r"(?:<[^<>]{1,64}>)?\Z")
"""A token that ends a reply and is no part of its text, as vLLM tells it: ``<|im_end|>``, or empty."""
_ROWS = ("token_ids", "logprobs")
"""Members of an entry that stands for several tokens, as Cohere's do: those of all of them, in a row."""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that came together, and the entries that spell it: one, or as many as share a character."""

    text: str
    entries: Sequence[Entry] = ()


@dataclass(slots=True)
class Spelled:
    """Restored text, and the entries that spell it."""

    text: str = ""
    entries: list[Entry] = field(default_factory=list)

    def add(self, other: Spelled) -> None:
        """More of it, at its end."""
        self.text += other.text
        self.entries += other.entries


def atoms_of(entries: Any, text: str) -> list[Atom] | None:
    """The tokens that spell ``text``, by their strings or their bytes; None if they do not spell it."""
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        return None
    tokens = [one.get("token") for one in entries]
    spelled: list[str] = [one for one in tokens if isinstance(one, str)]
    if len(spelled) == len(entries):
        size = len(spelled)
        while size and "".join(spelled[:size]) != text and _SPECIAL.match(spelled[size - 1]):
            size -= 1
        if "".join(spelled[:size]) == text:
            texts = [*spelled[:size], *[""] * (len(spelled) - size)]
            return [Atom(one, (entry,)) for one, entry in zip(texts, entries, strict=True)]
    return _by_bytes(entries, text)


def _by_bytes(entries: Sequence[Entry], text: str) -> list[Atom] | None:
    atoms: list[Atom] = []
    raw, waiting = b"", []
    for entry in entries:
        told = entry.get("bytes")
        if not isinstance(told, list) or not all(isinstance(one, int) and 0 <= one <= 255 for one in told):
            return None
        raw += bytes(told)
        waiting.append(entry)
        try:
            atoms.append(Atom(raw.decode("utf-8"), tuple(waiting)))
        except UnicodeDecodeError:
            continue
        raw, waiting = b"", []
    return atoms if not raw and "".join(atom.text for atom in atoms) == text else None


class TokenRun:
    """One run of text, fed token by token."""

    __slots__ = ("_behind", "_out", "_pending", "_replaced", "_restorer")

    def __init__(self, restorer: TextRestorer) -> None:
        self._restorer = restorer
        self._begin([], "")

    def _begin(self, pending: list[Atom], out: str) -> None:
        self._pending = pending
        """Atoms that have not left."""
        self._out = out
        """What the restorer has put out for them so far."""
        self._replaced = 0
        """So many of them make up something that was replaced; 0: none is known to."""
        self._behind = 0
        """Length of what had been put out by then."""

    @property
    def waits(self) -> bool:
        """True if some of it has not left."""
        return bool(self._pending)

    def feed(self, atoms: Sequence[Atom]) -> Spelled:
        """What can leave now."""
        spelled = Spelled()
        for atom in atoms:
            self._feed(atom, spelled)
        return spelled

    def end(self) -> Spelled:
        """The run is over: all that waits leaves."""
        self._out += self._restorer.flush()
        spelled = Spelled()
        if self._replaced and _text(self._pending[self._replaced :]) == self._out[self._behind :]:
            self._part(spelled)
        if _text(self._pending) == self._out:
            for atom in self._pending:
                _as_is(spelled, atom)
        elif self._pending or self._out:
            self._merge(spelled, self._pending, self._out)
        self._begin([], "")
        return spelled

    def _feed(self, atom: Atom, spelled: Spelled) -> None:
        out = self._restorer.feed(atom.text)
        if not self._pending and out == atom.text:
            _as_is(spelled, atom)
            return
        self._pending.append(atom)
        if not out:
            return
        self._out += out
        if self._replaced:
            if _text(self._pending[self._replaced :]).startswith(self._out[self._behind :]):
                self._part(spelled)
            elif out == atom.text:
                self._merge(spelled, self._pending, self._out)
                self._begin([], "")
            return
        if not self._leave(spelled):
            self._note_replaced(spelled)

    def _leave(self, spelled: Spelled) -> bool:
        """What is put out is what came: whole atoms leave. False if it is not."""
        if not _text(self._pending).startswith(self._out):
            return False
        done = 0
        for atom in self._pending:
            if len(atom.text) > len(self._out):
                break
            self._out = self._out[len(atom.text) :]
            _as_is(spelled, atom)
            done += 1
        self._begin(self._pending[done:], self._out)
        return True

    def _note_replaced(self, spelled: Spelled) -> None:
        """Something was replaced. If the last atom only showed that it was over, that atom is behind it."""
        last = self._pending[-1].text
        if len(self._pending) > 1 and last and not _in_word(last[0]):
            size = next((n for n in range(len(last), 0, -1) if self._out.endswith(last[:n])), 0)
            if 0 < size < len(self._out):
                self._replaced, self._behind = len(self._pending) - 1, len(self._out) - size
                self._part(spelled)
                return
        self._replaced, self._behind = len(self._pending), len(self._out)

    def _part(self, spelled: Spelled) -> None:
        """What was replaced leaves; the atoms behind it are literal so far."""
        behind, rest = self._pending[self._replaced :], self._out[self._behind :]
        self._merge(spelled, self._pending[: self._replaced], self._out[: self._behind])
        self._begin(behind, rest)
        self._leave(spelled)

    @staticmethod
    def _merge(spelled: Spelled, atoms: Sequence[Atom], out: str) -> None:
        """Atoms that became ``out``: those at either end that are words of it stay, the others become one entry."""
        head, tail = 0, len(atoms)
        start = size = 0
        for index, atom in enumerate(atoms):
            if index and _parted(atoms[index - 1].text, atom.text):
                head, start = index, size
            if not out.startswith(atom.text, size):
                break
            size += len(atom.text)
        end = rest = len(out)
        for index in range(len(atoms) - 1, head - 1, -1):
            text = atoms[index].text
            if rest - len(text) < start or not out.endswith(text, 0, rest):
                break
            rest -= len(text)
            if text and not _in_word(text[0]):
                tail, end = index, rest
        for atom in atoms[:head]:
            _as_is(spelled, atom)
        spelled.text += out[start:end]
        spelled.entries += merged([entry for atom in atoms[head:tail] for entry in atom.entries], out[start:end])
        for atom in atoms[tail:]:
            _as_is(spelled, atom)


def merged(entries: Sequence[Entry], text: str) -> list[Entry]:
    """One entry in place of several: it spells ``text``, and is as likely as all of them in a row."""
    if not entries or not text:
        return []
    known = [one["logprob"] for one in entries if isinstance(one.get("logprob"), int | float)]
    total = math.fsum(known) if known else None
    if total is not None and any(one <= UNLIKELY for one in known):
        total = UNLIKELY
    entry = dict(entries[0])
    entry["token"] = text
    for name in _ROWS:
        if isinstance(entry.get(name), list):
            entry[name] = [value for one in entries for value in one.get(name) or ()]
    if "logprob" in entry:
        entry["logprob"] = total
    if entry.get("bytes") is not None:
        entry["bytes"] = list(text.encode("utf-8", "surrogatepass"))
    if entry.get("top_logprobs") is not None:
        entry["top_logprobs"] = type(entry["top_logprobs"])()
    return [entry]


def aligned(atoms: Sequence[Atom], restorer: TextRestorer, restored: str) -> list[Entry] | None:
    """The entries of a whole text; None if the restorer, token by token, makes another text of it."""
    run = TokenRun(restorer)
    spelled = run.feed(atoms)
    spelled.add(run.end())
    return spelled.entries if spelled.text == restored else None


def written(value: Any) -> str:
    """The value as JSON. A lone surrogate is escaped: UTF-8 has none."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _SURROGATE.search(text) else text


def _as_is(spelled: Spelled, atom: Atom) -> None:
    spelled.text += atom.text
    spelled.entries += atom.entries


def _text(atoms: Sequence[Atom]) -> str:
    return "".join([atom.text for atom in atoms])


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _parted(before: str, after: str) -> bool:
    """True if no placeholder goes over the seam of the two."""
    return bool(before and after) and not (_in_word(before[-1]) and _in_word(after[0]))

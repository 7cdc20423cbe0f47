"""Gemini's ``logprobsResult``: tokens of a candidate, kept in step with its text while it is restored.

May import this room only. ``chosenCandidates`` spell the text, ``topCandidates`` are their alternatives, one for one.
Where the text is restored, the tokens of a placeholder become one, without alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from addons.wire.jsondoc import Node
from addons.wire.logprobs import Atom, Entry, aligned, atoms_of, written
from addons.wire.offsets import Said
from addons.wire.restore import Restorer

NAMES = ("logprobsResult", "logprobs_result")
_CHOSEN, _TOP, _LOG = "chosenCandidates", "topCandidates", "logProbability"
_OURS = ("logprob", "top_logprobs")


def entries_of(result: Any) -> list[Entry] | None:
    """The tokens as entries, none if it has none; None if it is not made as it should be."""
    if not isinstance(result, dict):
        return None
    chosen, top = result.get(_CHOSEN), result.get(_TOP)
    if not isinstance(chosen, list) or not all(isinstance(one, dict) for one in chosen):
        return None
    if top is not None and (not isinstance(top, list) or len(top) != len(chosen)):
        return None
    entries = []
    for at, one in enumerate(chosen):
        entry = dict(one)
        if _LOG in entry:
            entry["logprob"] = entry.pop(_LOG)
        entries.append(entry if top is None else entry | {"top_logprobs": top[at]})
    return entries


def result_of(told: Any, entries: Sequence[Entry]) -> dict[str, Any]:
    """A result like ``told`` for these tokens."""
    new = dict(told) if isinstance(told, dict) else {}
    new[_CHOSEN] = [
        {name: value for name, value in entry.items() if name not in _OURS}
        | ({_LOG: entry["logprob"]} if "logprob" in entry else {})
        for entry in entries
    ]
    if _TOP in new or (told is None and any("top_logprobs" in entry for entry in entries)):
        new[_TOP] = [entry.get("top_logprobs", {}) for entry in entries]
    return new


def respell(candidate: Node, texts: Sequence[Said], restorer: Restorer) -> None:
    """A complete candidate's tokens, which spell one of ``texts``; where they cannot any more they become ``null``."""
    result = candidate.get(NAMES[0]) or candidate.get(NAMES[1])
    if result is None or not result.children or all(said.masked == said.restored for said in texts):
        return
    told = result.plain()
    entries = entries_of(told)
    if entries == []:
        return
    for said in texts if entries is not None else ():
        atoms = atoms_of(entries, said.masked)
        new = aligned(atoms, restorer.restoration.text(), said.restored) if atoms is not None else None
        if new is not None:
            if said.masked != said.restored:
                restorer.put(result, written(result_of(told, new)))
            return
    restorer.dropped += 1
    restorer.put(result, "null")


def dealt(entries: Sequence[Entry] | None, texts: Sequence[str]) -> list[list[Atom]] | None:
    """The tokens that spell each of some texts in a row; None if they do not."""
    atoms = atoms_of(list(entries), "".join(texts)) if entries and texts else None
    if atoms is None:
        return None
    hands: list[list[Atom]] = []
    at = 0
    for text in texts:
        hand: list[Atom] = []
        size = 0
        while at < len(atoms) and size < len(text):
            hand.append(atoms[at])
            size += len(atoms[at].text)
            at += 1
        if size != len(text):
            return None
        hands.append(hand)
    hands[-1] += atoms[at:]
    return hands

"""What of a Cohere reply points into its text: citations by offset, ``logprobs`` piece by piece.

May import this room only. Citations count code points of their content block. An item of ``logprobs`` is a piece of
text with the ids and probabilities of its tokens; where the text is restored, the pieces of a placeholder become one.
What cannot follow becomes ``null`` and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from addons.wire.jsondoc import Node
from addons.wire.logprobs import Atom, Entry, aligned, atoms_of, merged, written
from addons.wire.offsets import Said, shifted
from addons.wire.restore import Restorer


def restore_pointers(root: Node, restorer: Restorer) -> None:
    """A complete reply whose texts are restored: what points into them follows."""
    message = root.get("message")
    content = message.get("content") if message is not None else None
    if message is None or content is None:
        return
    texts = {}
    for index, block in enumerate(content.children):
        text = block.text("text") or ""
        texts[index] = Said(text, restorer.restoration.whole(text) if text else "")
    citations, items = message.get("citations"), root.get("logprobs")
    if citations is not None:
        move_citations(citations.children, texts, restorer)
    whole = Said("".join(said.masked for said in texts.values()), "".join(said.restored for said in texts.values()))
    if items is not None and items.children and whole.masked != whole.restored:
        _respell(items, whole, restorer)


def _respell(items: Node, said: Said, restorer: Restorer) -> None:
    told = items.plain()
    entries = [entry_of(item) for item in told] if isinstance(told, list) else [None]
    known = [entry for entry in entries if entry is not None]
    atoms = atoms_of(known, said.masked) if len(known) == len(entries) else None
    new = aligned(atoms, restorer.restoration.text(), said.restored) if atoms is not None else None
    restorer.dropped += new is None
    restorer.put(items, "null" if new is None else written([item_of([entry]) for entry in new]))


def entry_of(item: Any) -> Entry | None:
    """An item of ``logprobs`` as ``logprobs.py`` knows it; None if it has no text."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return None
    return {"token": item["text"]} | {name: value for name, value in item.items() if name != "text"}


def item_of(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """The one item of an event that stands for these; None if it has none."""
    text = "".join([str(entry["token"]) for entry in entries])
    found = merged(entries, text) or [dict(entry) for entry in entries[:1]]
    return {"text": found[0].pop("token")} | found[0] if found else None


def atom_of(item: Any, text: str) -> Sequence[Atom] | None:
    """An event's text with the item that spells it; None if it does not."""
    entry = entry_of(item)
    return [Atom(text, (entry,))] if entry is not None and entry["token"] == text else None


def move_citations(citations: Sequence[Node], texts: dict[int, Said], restorer: Restorer) -> None:
    """Citations' ``start`` and ``end``; those that lie nowhere in the restored text become ``null``."""
    for citation in citations:
        bounds = [(node, node.integer) for name in ("start", "end") if (node := citation.get(name)) is not None]
        said = _cited_text(citation, texts)
        if not bounds or (said is not None and said.masked == said.restored):
            continue
        wanted = [at for _, at in bounds if at is not None]
        places = shifted(said, wanted, restorer.restoration) if said is not None else {}
        fits = len(wanted) == len(bounds) and all(at in places for at in wanted)
        restorer.dropped += not fits
        for node, at in bounds:
            restorer.put(node, str(places[at]) if fits and at is not None else "null")


def _cited_text(citation: Node, texts: dict[int, Said]) -> Said | None:
    """The text that a citation counts in: that of its content block, or the first."""
    number = citation.get("content_index")
    index = number.integer if number is not None else None
    if index is None:
        index = next((i for i, said in sorted(texts.items()) if said.masked), 0)
    return texts.get(index)

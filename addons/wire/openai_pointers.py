"""What of a chat completion points into its text: annotations by offset, ``logprobs`` token by token.

May import this room only. Offsets count code points. Where the text is restored they move with it, and the tokens of a
placeholder become one; what cannot follow becomes ``null`` and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from addons.wire.jsondoc import OBJECT, Node
from addons.wire.logprobs import aligned, atoms_of, written
from addons.wire.offsets import Said, shifted
from addons.wire.restore import Restorer
from addons.wire.rules import Rule, Visitor
from addons.wire.types import Restoration

SPELLED = ("content", "refusal")
"""Members of ``logprobs``, and of the message whose text they spell."""
BOUNDS = ("start_index", "end_index")


def pointing(rule: Rule) -> Rule:
    """The rule for a choice; in a reply, what points into its message's texts follows their change."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        rule(visitor, node, path, role)
        if not isinstance(visitor, Restorer):
            return
        message, logprobs = node.get("message"), node.get("logprobs")
        if message is None:
            return
        if logprobs is not None and logprobs.kind == OBJECT:
            for name in SPELLED:
                text, entries = message.get(name), logprobs.get(name)
                if entries is None or not entries.children:
                    continue
                if text is not None and text.string is not None:
                    respell(visitor, text, entries)
                elif _spells_placeholder(visitor, entries):
                    visitor.dropped += 1
                    visitor.put(entries, "null")
        annotations, content = message.get("annotations"), message.get("content")
        if annotations is not None and annotations.children and content is not None and content.string is not None:
            said = Said(content.string, visitor.became(content))
            for bound, new in moved(annotations.children, said, visitor.restoration):
                visitor.put(bound, new)
                visitor.dropped += new == "null"

    return walk


def _spells_placeholder(restorer: Restorer, entries: Node) -> bool:
    """True if the tokens, which belong to no text that is told, have something to restore."""
    given: Any = entries.plain()
    tokens = [entry.get("token") if isinstance(entry, dict) else None for entry in given]
    joined = "".join(token for token in tokens if isinstance(token, str))
    run = restorer.restoration.text()
    return run.feed(joined) + run.flush() != joined


def respell(restorer: Restorer, text: Node, entries: Node, nothing: str = "null") -> None:
    """The tokens of a whole text, spelling what it became; ``nothing`` in their place where they cannot."""
    given = entries.plain()
    atoms = atoms_of(given, str(text.value))
    restored = restorer.became(text)
    new = aligned(atoms, restorer.restoration.text(), restored) if atoms is not None else None
    if restored == text.value:
        return
    if new is None:
        restorer.dropped += 1
        restorer.put(entries, nothing)
    else:
        restorer.put(entries, written(new))


def moved(annotations: Sequence[Node], said: Said, restoration: Restoration) -> list[tuple[Node, str]]:
    """Offsets of annotations and what they become; ``null`` for both of a citation of which one lies nowhere."""
    if said.masked == said.restored:
        return []
    spans: list[list[tuple[Node, int]]] = []
    for annotation in annotations:
        citation = annotation.get("url_citation") or annotation
        found = [(bound, citation.get(bound)) for bound in BOUNDS]
        spans.append([(node, node.integer) for _, node in found if node is not None and node.integer is not None])
    places = shifted(said, [at for span in spans for _, at in span], restoration)
    out: list[tuple[Node, str]] = []
    for span in spans:
        fits = all(at in places for _, at in span)
        out += [(node, str(places[at]) if fits else "null") for node, at in span if not fits or places[at] != at]
    return out


def spelled_by(logprobs: Any, delta: Any) -> dict[str, Any]:
    """Of a chunk's choice: the tokens of each of its texts as atoms; None where they do not spell it."""
    if not isinstance(logprobs, dict):
        return {}
    told = delta if isinstance(delta, dict) else {}
    found: dict[str, Any] = {}
    for name in SPELLED:
        if isinstance(logprobs.get(name), list) and logprobs[name]:
            text = told.get(name)
            found[name] = atoms_of(logprobs[name], text if isinstance(text, str) else "")
    return found

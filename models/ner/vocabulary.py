"""Prunes the tokenizer to the pieces that matter here. Training only; imports ``encoding`` and tokenizers.

Each piece costs ``hidden`` bytes at INT8, and XLM-R's 250,002 cover a hundred languages. Kept: marks, every piece seen
at least thrice in the training data, every single character, and the most frequent Latin and Chinese pieces. What is
dropped is still read, as smaller pieces.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer

_LATIN = re.compile(r"▁?[\u0021-\u007e\u00a1-\u024f\u1e00-\u1eff]+")
_CHINESE = re.compile(r"▁?[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")


def prune(tokenizer: Path, texts: Iterable[str], latin: int, chinese: int, out: Path) -> list[int]:
    """Write the pruned ``tokenizer.json`` to ``out``; returns the old id of each new one.

    ``latin`` and ``chinese``: how many of the most frequent pieces of these scripts to keep beside those seen.
    """
    description = json.loads(tokenizer.read_text(encoding="utf-8"))
    pieces: list[list[object]] = description["model"]["vocab"]
    keep = _seen(Tokenizer.from_file(str(tokenizer)), texts)
    keep |= {0, 1, 2, 3, len(pieces) - 1}
    left = {"latin": latin, "chinese": chinese}
    # Pieces are in the order of their frequency.
    for number, (piece, _score) in enumerate(pieces):
        assert isinstance(piece, str)
        script = "latin" if _LATIN.fullmatch(piece) else "chinese" if _CHINESE.fullmatch(piece) else ""
        if len(piece) == 1:
            keep.add(number)
        elif script and left[script] > 0:
            keep.add(number)
            left[script] -= 1
    order = sorted(keep)
    description["model"]["vocab"] = [pieces[number] for number in order]
    renumbered = {old: new for new, old in enumerate(order)}
    for token in description["added_tokens"]:
        token["id"] = renumbered[token["id"]]
    description["truncation"] = description["padding"] = None
    out.write_text(json.dumps(description, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return order


def _seen(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    lines = [line for text in texts for line in text.split("\n") if line]
    encodings = tokenizer.encode_batch(lines, add_special_tokens=False)
    counts = Counter(number for encoding in encodings for number in encoding.ids)
    return {number for number, count in counts.items() if count > 2}

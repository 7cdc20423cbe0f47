"""Text to token windows and back, the same for training and at run time.

May import numpy and tokenizers only. Rules that hold here:

- Offsets are code points of the text as given, whatever the tokenizer normalizes.
- A line break is a token of its own (``</s>``, which the base model knows as a separator): XLM-R's tokenizer turns it
  into a space, and then the end of an address line or of a log record is lost.
- How a text is cut into windows depends on that text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ints = NDArray[np.int32]

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_LINE = 2000
"""Code points after which a line is cut for tokenizing only; tokens never cross such a cut."""

_SENTENCE_ENDS = frozenset(".!?。！？；;")
_CLAUSE_ENDS = frozenset(',，、:：)）」』”"')


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text's tokens: ids and the code points ``[start, end)`` that each covers, ``int32[tokens]``."""

    ids: Ints
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens ``[start, end)`` go through the model together; of its answer ``[keep_start, keep_end)`` counts."""

    start: int
    end: int
    keep_start: int
    keep_end: int


class Encoder:
    """A tokenizer with line breaks kept and cuts at sensible places. Thread-safe once made."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.bos = self._special("<s>")
        self.eos = self._special("</s>")
        self.pad = self._special("<pad>")
        self._cut_quality = self._rate_cuts()

    @classmethod
    def from_file(cls, path: Path) -> Encoder:
        """Read a ``tokenizer.json``; raises OSError or ValueError."""
        return cls.from_bytes(path.read_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> Encoder:
        """Take the content of a ``tokenizer.json``; raises ValueError."""
        try:
            tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"not a tokenizer: {type(error).__name__}") from None
        return cls(tokenizer)

    def _special(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no {token} token")
        return found

    def encode(self, text: str) -> Encoded:
        """Tokens of ``text`` without sentence marks. Lone surrogates read as U+FFFD."""
        pieces = list(_pieces(_SURROGATE.sub("\ufffd", text)))
        encodings = self._tokenizer.encode_batch(
            [piece for _, piece in pieces if piece != "\n"], add_special_tokens=False
        )
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        following = iter(encodings)
        for at, piece in pieces:
            if piece == "\n":
                ids.append(self.eos)
                offsets.append((at, at + 1))
                continue
            encoding = next(following)
            ids.extend(encoding.ids)
            offsets.extend([(at + start, at + end) for start, end in encoding.offsets])
        places = np.asarray(offsets, dtype=np.int32).reshape(-1, 2)
        return Encoded(np.asarray(ids, dtype=np.int32), places[:, 0], places[:, 1])

    def _rate_cuts(self) -> Ints:
        """How good a place for a cut it is right after a token of this id: 3 line, 2 sentence, 1 clause, 0 inside."""
        quality = np.zeros(self._tokenizer.get_vocab_size(), dtype=np.int32)
        for token, number in self._tokenizer.get_vocab().items():
            if token[-1] in _SENTENCE_ENDS:
                quality[number] = 2
            elif token[-1] in _CLAUSE_ENDS:
                quality[number] = 1
        quality[self.eos] = 3
        return quality

    def windows(self, encoded: Encoded, size: int, overlap: int) -> Iterator[Window]:
        """Cut into windows of at most ``size`` tokens, neighbours sharing about ``overlap`` tokens of context."""
        total = len(encoded)
        if total <= size:
            yield Window(0, total, 0, total)
            return
        quality = self._cut_quality[encoded.ids]
        start = keep = 0
        while True:
            if total - start <= size:
                yield Window(start, total, keep, total)
                return
            # The last third is searched, its end first; a line end beats a sentence end beats a clause end.
            middle = start + max(2 * size // 3, overlap + 1)
            nearby = quality[middle - 1 : start + size]
            cut = middle + len(nearby) - 1 - int(np.argmax(nearby[::-1]))
            yield Window(start, cut, keep, cut - overlap // 2)
            keep = cut - overlap // 2
            start = cut - overlap


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Lines and the breaks between them with their places; over-long lines in parts, at a space if there is one."""
    at = 0
    for number, line in enumerate(text.split("\n")):
        if number:
            yield at, "\n"
            at += 1
        content = line.removesuffix("\r")  # CR LF is one break, as in the training data
        begin = 0
        while len(content) - begin > _LONG_LINE:
            space = content.rfind(" ", begin + _LONG_LINE // 2, begin + _LONG_LINE)
            stop = space if space > 0 else begin + _LONG_LINE
            yield at + begin, content[begin:stop]
            begin = stop
        if begin < len(content):
            yield at + begin, content[begin:]
        at += len(line)

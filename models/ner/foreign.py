"""Text to tokens for models that others trained: their tokenizer as it is, with their own marks around a window.

Such a model has never seen a line break as ``</s>``; what its tokenizer makes of one (nothing, a space, a token of its
own) is what it was trained with. All else is as in ``encoding.py``: offsets are code points of the text as given, and
how a text is cut depends on that text alone. May import numpy, tokenizers, ``encoding`` and ``registry``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from models import registry
from models.errors import ModelError
from models.ner.encoding import _SURROGATE, Encoded, Encoder

_LONGEST: Final = 2000
"""Code points that are tokenized together; a longer text is cut, at a line break or else a space if there is one."""


def encoder_of(model: registry.Model) -> Encoder:
    """The model's tokenizer, read and checked, with what its manifest says of it. Raises :class:`ModelError`."""
    content = model.tokenizer.read()
    try:
        return Encoder.from_bytes(content) if model.encoding.own else ForeignEncoder.of(content, model.encoding)
    except ValueError as error:
        raise ModelError(f"{model.tokenizer.path} is no tokenizer that can be used: {error}") from None


class ForeignEncoder(Encoder):
    """A tokenizer used as it is. Thread-safe once made."""

    def __init__(self, tokenizer: Tokenizer, encoding: registry.Encoding) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.bos = self._special(encoding.bos)
        self.eos = self._special(encoding.eos)
        self.pad = self._special(encoding.pad)
        self._cut_quality = self._rate_cuts()
        for token, number in self._tokenizer.get_vocab().items():
            if "Ċ" in token or "\n" in token:  # byte-level vocabularies spell a line feed so
                self._cut_quality[number] = 3

    @classmethod
    def of(cls, content: bytes, encoding: registry.Encoding) -> ForeignEncoder:
        """Take the content of a ``tokenizer.json``; raises ValueError."""
        try:
            tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"not a tokenizer: {type(error).__name__}") from None
        return cls(tokenizer, encoding)

    def encode(self, text: str) -> Encoded:
        """Tokens of ``text`` without marks, and without tokens that stand for nothing in it."""
        pieces = list(_pieces(_SURROGATE.sub("\ufffd", text)))
        encodings = self._tokenizer.encode_batch([piece for _, piece in pieces], add_special_tokens=False)
        ids = [number for encoding in encodings for number in encoding.ids]
        places = np.asarray(
            [
                (at + start, at + end)
                for (at, _), encoding in zip(pieces, encodings, strict=True)
                for start, end in encoding.offsets
            ],
            dtype=np.int32,
        ).reshape(-1, 2)
        seen = places[:, 1] > places[:, 0]
        return Encoded(np.asarray(ids, dtype=np.int32)[seen], places[seen, 0], places[seen, 1])


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    begin = 0
    while len(text) - begin > _LONGEST:
        half, stop = begin + _LONGEST // 2, begin + _LONGEST
        cut = text.rfind("\n", half, stop)
        if cut < 0:
            cut = text.rfind(" ", half, stop)
        stop = cut if cut > 0 else stop
        yield begin, text[begin:stop]
        begin = stop
    if begin < len(text):
        yield begin, text[begin:]

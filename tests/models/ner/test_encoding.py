"""Tokens keep code points of the text given; windows keep every token exactly once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ner.encoding import Encoded, Encoder


def _words(text: str, encoded: Encoded) -> list[str]:
    return [text[start:end] for start, end in zip(encoded.starts, encoded.ends, strict=True)]


def test_line_breaks_are_tokens(encoder: Encoder) -> None:
    encoded = encoder.encode("Anna\n\nna")
    assert [word for word in _words("Anna\n\nna", encoded) if word == "\n"] == ["\n", "\n"]
    assert encoded.ids.tolist().count(encoder.eos) == 2


def test_cr_lf_reads_like_lf(encoder: Encoder) -> None:
    assert encoder.encode("Anna\r\nna").ids.tolist() == encoder.encode("Anna\nna").ids.tolist()
    assert encoder.encode("Anna\r\nna").starts.tolist()[-1] >= 6


def test_empty_text_has_no_tokens(encoder: Encoder) -> None:
    assert len(encoder.encode("")) == 0
    assert [(w.keep_start, w.keep_end) for w in encoder.windows(encoder.encode(""), 8, 2)] == [(0, 0)]


def test_long_lines_keep_their_places(encoder: Encoder) -> None:
    text = "x " * 3000 + "Anna"
    encoded = encoder.encode(text)
    assert int(encoded.ends[-1]) == len(text)
    covered = {place for start, end in zip(encoded.starts, encoded.ends, strict=True) for place in range(start, end)}
    assert all(place in covered for place, char in enumerate(text) if char != " ")


def test_lone_surrogates_are_read(encoder: Encoder) -> None:
    encoded = encoder.encode("a\ud800b")
    assert int(encoded.ends[-1]) == 3


@given(text=st.text(max_size=300))
def test_offsets_lie_in_the_text_and_do_not_run_backwards(encoder: Encoder, text: str) -> None:
    encoded = encoder.encode(text)
    starts, ends = encoded.starts.tolist(), encoded.ends.tolist()
    assert all(0 <= start <= end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert starts == sorted(starts)


@given(text=st.text(alphabet="Ana。,王 \n", max_size=400), size=st.integers(12, 40), overlap=st.integers(0, 8))
def test_windows_keep_every_token_once(encoder: Encoder, text: str, size: int, overlap: int) -> None:
    encoded = encoder.encode(text)
    windows = list(encoder.windows(encoded, size, overlap))
    kept = [number for window in windows for number in range(window.keep_start, window.keep_end)]
    assert kept == list(range(len(encoded)))
    for window in windows:
        assert window.end - window.start <= size
        assert window.start <= window.keep_start <= window.keep_end <= window.end


def test_windows_are_cut_at_line_ends(encoder: Encoder) -> None:
    text = "\n".join(["An" * 6] * 6)
    encoded = encoder.encode(text)
    first = next(iter(encoder.windows(encoded, 30, 4)))
    assert int(encoded.ids[first.end - 1]) == encoder.eos


def test_windows_share_context(encoder: Encoder) -> None:
    encoded = encoder.encode("x" * 100)
    windows = list(encoder.windows(encoded, 30, 8))
    assert all(after.start == before.end - 8 for before, after in pairwise(windows))


@pytest.mark.parametrize("content", [b"{}", b"\xff", b"[1"])
def test_what_is_no_tokenizer_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a tokenizer"):
        Encoder.from_bytes(content)

# ruff: noqa: E501 - specimens are one line each
"""What expressions can begin with: derived from their syntax, never too narrow."""

from __future__ import annotations

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Detector
from detectors.openings import LONGEST, Openings, literals, shape, shapes
from detectors.reading import Reading
from detectors.recognizers.strict import StrictPatterns

WORD = r"(?<![0-9A-Za-z])"
END = r"(?![0-9A-Za-z])"


def test_a_shape_has_one_symbol_for_each_code_point() -> None:
    assert shape("Ab-12 é😀\ud800?") == b"aa-00 XXXX"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (WORD + r"\d{3}-\d{2}" + END, {"000-00|"}),
        (WORD + r"\d{3}-\d{2}", {"000-00"}),
        (WORD + r"(?:[A-Z]\d|\d[A-Z])" + END, {"a0|", "0a|"}),
        (WORD + r"[A-Z]{1,2} ?\d" + END, {"a0|", "aa0|", "a 0|", "aa 0|"}),
        (WORD + r"\d+", {"0" * n for n in range(1, LONGEST + 1)}),
        (WORD + r"\d[^x]+", {"0"}),
        (WORD + r"[(\uff08]\d\)", {"(0)", "X0)"}),
    ],
)
def test_shapes(expression: str, expected: set[str]) -> None:
    assert shapes(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        r"\d{9}",
        WORD + r"[a-z]+\d",
        WORD + r".\d",
        WORD + r"(?:\d{3})?",
        WORD + r"[A-Z]{8}\d",
        "(" + WORD,
        r"(?<![0-9])\d{9}",
        WORD + r"\p{L}\d",
    ],
)
def test_some_expressions_have_no_telling_shape(expression: str) -> None:
    assert shapes(expression) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"(?<![A-Za-z])(?:Passport|PIN)(?:s| no)?\s*=", ({"passport", "pin"}, True)),
        (r"\bsnmp-server (?P<value>\S+)", ({"snmp-server "}, True)),
        (r"(?:api[_ ]?key|api)=", ({"api"}, False)),
        (r"(?:密码|口令)+[是为]", ({"密码", "口令"}, False)),
        (r"(?:(?<![0-9A-Za-z])|(?=[^\x00-\x7f]))(?:mrn|病案号)\d", ({"mrn0", "病案号"}, True)),
    ],
)
def test_literals(expression: str, expected: tuple[set[str], bool]) -> None:
    found = literals(expression)
    assert found is not None
    words, alone = found
    assert all(any(word.startswith(start[:3]) for start in expected[0]) for word in words)
    assert alone == expected[1]


@pytest.mark.parametrize("expression", ["a", "[a-z]{9}", "x?y?", ".*abc", "(?:abc|d)e?f?", "σα"])
def test_some_expressions_have_no_telling_literal(expression: str) -> None:
    assert literals(expression) is None


ATOMS = st.sampled_from(
    [r"\d", "[0-9]{2}", "[A-Z]", "a", "Ab", "[ -]?", "(?:x|12)", "(?:[A-Z]{2}|\\d{3})?", r"\d{1,3}", "-", "密", "[^0-9]", ".", r"(?=\d)", r"(?:\.\d)*", "(?:pass|密码)", r"(?!\.\d)", "(?i:k)", "(?>a|b)", r"\s{0,2}"]
)  # fmt: skip
EXPRESSIONS = st.builds(
    lambda head, atoms, tail: head + "".join(atoms) + tail,
    st.sampled_from(
        [WORD, r"(?<![0-9A-Za-z_])", r"\b", "", r"(?<![A-Za-z])", r"(?:(?<![0-9A-Za-z])|(?=[^\x00-\x7f]))"]
    ),
    st.lists(ATOMS, min_size=1, max_size=6),
    st.sampled_from([END, "", r"(?![0-9A-Za-z_])", r"\b"]),
)
TEXTS = st.text(st.sampled_from("012 -.aAbBxk密码K\n?pasPS\u212aéΣ"), max_size=40)


@settings(max_examples=500, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=4), TEXTS, st.booleans())
def test_every_match_begins_at_a_spot(expressions: list[str], text: str, cased: bool) -> None:
    flags = regex.ASCII | regex.MULTILINE | (0 if cased else regex.IGNORECASE)
    openings = Openings(dict(enumerate(expressions)))
    reading = Reading(text)
    reading.look_for(openings)
    for key, expression in enumerate(expressions):
        spots = reading.spots(key)
        if spots is not None:
            starts = {m.start() for m in regex.finditer(expression, text, flags, overlapped=True)}
            assert starts <= set(spots)
            assert spots == sorted(set(spots))


def test_most_patterns_of_the_detector_have_a_known_beginning(detector: Detector) -> None:
    patterns = [p for r in detector._engine._recognizers if isinstance(r, StrictPatterns) for p in r.patterns]
    openings = Openings({id(pattern): pattern.regex for pattern in patterns})
    assert len(openings.filtered) > 0.8 * len(patterns)


def test_prose_without_numbers_and_labels_has_no_spots(detector: Detector) -> None:
    openings = detector._engine._openings
    text = "Nothing to see here, dear reader: the hills are green."
    assert openings.spots(text, text.lower()) == {}

"""Records about nobody: every layout comes, the readable ones parse, and the same seed gives the same texts."""

from __future__ import annotations

import json
import random
import re

from models.ner import structured
from models.ner.words import words


def test_the_same_seed_gives_the_same_records() -> None:
    first, again = (list(structured.records(random.Random(5), 40)) for _ in range(2))
    assert first == again
    assert len({record.text for record in first}) == 40


def test_nobody_is_in_them_and_both_languages_are() -> None:
    made = list(structured.records(random.Random(6), 300))
    assert all(record.spans == () and record.text for record in made)
    assert {record.lang for record in made} == {"en", "zh"}


def test_every_layout_comes() -> None:
    texts = [record.text for record in structured.records(random.Random(7), 400)]
    for mark in (r"^\{", r"^INSERT INTO ", r"^\| ", r"^- |\n  - ", r"^[a-z_]+,[a-z_]+", r"^[A-Z_]+=", r"\w=\S+ \w+="):
        assert any(re.search(mark, text) for text in texts), mark


def test_json_is_json() -> None:
    texts = [record.text for record in structured.records(random.Random(8), 200) if record.text.startswith("{")]
    assert len(texts) > 20
    for text in texts:
        for document in [text] if text.startswith(("{\n", '{"')) and "\n{" not in text else text.split("\n"):
            assert json.loads(document)


def test_word_lists_hold_no_doubles() -> None:
    for section in ("data-keys", "zh-data-keys", "data-words", "zh-data-words"):
        found = words(section)
        assert len(found) == len(set(found)), section

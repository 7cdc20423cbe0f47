"""Counts are checked by hand."""

from __future__ import annotations

import pytest

from models.ner.decoding import Entity
from models.ner.evaluate import ALL, score, table
from models.ner.labels import IGNORE
from models.ner.sources import Record

RECORDS = [
    Record("Anna Kowalski in Rome", ((0, 13, "PERSON"), (17, 21, "LOCATION")), "en", "chat", ""),
    Record("like Einstein did", ((5, 13, IGNORE),), "en", "chat", ""),
    Record("王小明", ((0, 3, "PERSON"),), "zh", "chat", ""),
    Record("import os", (), "en", "code", ""),
]
PREDICTED = [
    [Entity(0, 4, "PERSON", 0.9), Entity(17, 21, "ORGANIZATION", 0.8)],
    [Entity(5, 13, "PERSON", 0.9)],
    [Entity(0, 3, "PERSON", 0.9)],
    [Entity(7, 9, "LOCATION", 0.5)],
]


def test_counts() -> None:
    scores = score(RECORDS, PREDICTED)
    person = scores.counts["en", "PERSON"]
    assert (person.gold, person.predicted, person.exact_hits, person.overlap_hits, person.seen) == (1, 1, 0, 1, 1)
    assert person.leak == pytest.approx(8 / 12)  # "Kowalski" of "AnnaKowalski"; blanks do not count
    assert scores.counts["en", "LOCATION"].leak == 0  # covered, if by another label
    assert scores.counts["zh", "PERSON"].exact == (1.0, 1.0, 1.0)
    whole = scores.counts[ALL, ALL]
    assert (whole.gold, whole.predicted, whole.exact_hits) == (3, 4, 1)
    assert whole.overlap == pytest.approx((2 / 4, 2 / 3, 4 / 7))
    assert (scores.clean_texts, scores.clean_alarms) == (1, 1)


def test_ignored_places_count_neither_way() -> None:
    scores = score(RECORDS[1:2], PREDICTED[1:2])
    assert scores.counts["en", ALL].predicted == 0


def test_nothing_predicted_is_no_division_by_zero() -> None:
    scores = score(RECORDS, [[], [], [], []])
    assert scores.counts[ALL, ALL].exact == (0.0, 0.0, 0.0)
    assert scores.counts[ALL, ALL].leak == 1.0


def test_table_has_a_row_per_language_and_label() -> None:
    text = table(score(RECORDS, PREDICTED))
    assert "| en | PERSON | 1 | 0.0 / 0.0 / 0.0 | 100.0 / 100.0 / 100.0 | 66.7 % |" in text
    assert "false alarms in them: 1 " in text

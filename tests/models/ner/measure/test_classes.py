"""Names that mean the same, and what the default policy does with them."""

from __future__ import annotations

import pytest

from models.ner.measure.classes import CLASSES, GUIDE_LABELS, area, class_of_label, classes_of_entity, default_action


def test_every_label_of_the_guide_has_a_class() -> None:
    assert all(class_of_label(label) in CLASSES for label in GUIDE_LABELS)
    assert class_of_label("PUBLIC_FIGURE") is None


@pytest.mark.parametrize(
    ("entity", "wanted"),
    [
        ("PERSON", {"PERSON"}),
        ("GPE", {"LOCATION"}),
        ("US_SSN", {"ID"}),
        ("CN_RESIDENT_ID", {"ID"}),
        ("RECORD_ID", {"ID"}),
        ("US_BANK_NUMBER", {"CARD"}),
        ("email", {"EMAIL_ADDRESS"}),
        ("credit-card", {"CARD"}),
        ("ID", {"ID", "CARD", "IBAN_CODE"}),
        ("DATE", {"DATE_TIME", "DATE_OF_BIRTH"}),
        ("PRIVATE_IP_ADDRESS", {"IP_ADDRESS"}),
        ("SOMETHING_NEW", {"SOMETHING_NEW"}),
    ],
)
def test_entities(entity: str, wanted: set[str]) -> None:
    assert classes_of_entity(entity) == wanted


def test_default_actions() -> None:
    assert [default_action(name) for name in ("LOCATION", "GPE", "ORG", "DATE_TIME", "AGE", "PRIVATE_IP_ADDRESS")] == [
        "allow"
    ] * 6
    assert [default_action(name) for name in ("PERSON", "DATE_OF_BIRTH", "ID", "US_SSN", "NEW")] == ["mask"] * 5


def test_area() -> None:
    assert (area("log"), area("stack_trace"), area("mail")) == ("technical", "technical", "prose")

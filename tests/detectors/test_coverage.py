"""The coverage page says what the recognizers find, in both directions."""

from __future__ import annotations

from addons.policy.entities import KNOWN_ENTITIES
from tests.detectors.coverage_table import MISSING, NAMED, OTHERS, PAGE, countries, kinds, page, recognizers_of


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.detectors.coverage_table"


def test_everything_named_is_found_and_known() -> None:
    found = recognizers_of()
    named = {entity for entities in NAMED.values() for entity in entities}
    assert [entity for entity in sorted(named) if not found.get(entity)] == []
    assert named <= KNOWN_ENTITIES


def test_every_entity_that_is_found_is_on_the_page() -> None:
    text = page()
    numbers = {entity for rows in countries().values() for entities, _ in rows for entity in entities.split(", ")}
    named = {entity for entities in NAMED.values() for entity in entities}
    prefixes = ("GB_", *(f"{country.upper()}_" for country in countries()))
    for entity in recognizers_of():
        assert entity in named or entity in numbers or entity.startswith(prefixes) or f"`{entity}`" in text, entity


def test_the_numbers_that_the_issue_asks_for() -> None:
    checked = [
        c for c, rows in countries().items() if any("stdnum" in s or "Presidio" in s or "MOD" in s for _, s in rows)
    ]
    assert len(checked) >= 25
    assert len(kinds()) >= 60


def test_the_comparison_names_kinds_that_exist() -> None:
    known = set(kinds())
    for theirs, ours in OTHERS.items():
        if ours and not ours.startswith("="):
            assert set(ours.split(", ")) <= known, theirs
    assert MISSING

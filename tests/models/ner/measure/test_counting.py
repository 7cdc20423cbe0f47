"""One record against one answer, counted by hand."""

from __future__ import annotations

from models.ner.measure.counting import ALL, MASKED, Tally, compare
from models.ner.measure.readers import Finding
from models.ner.sources import Record


def record(text: str, *marks: tuple[str, str], kind: str = "chat") -> Record:
    spans = tuple((text.index(value), text.index(value) + len(value), label) for value, label in marks)
    return Record(text, spans, "en", kind, "")


def found(text: str, value: str, entity: str, score: float = 0.9, action: str = "mask") -> Finding:
    start = text.index(value)
    return Finding(start, start + len(value), entity, score, action)


TEXT = "Anna Kowalski in Rome, anna@example.com"
MARKED = record(TEXT, ("Anna Kowalski", "PERSON"), ("Rome", "LOCATION"), ("anna@example.com", "EMAIL_ADDRESS"))


def counts(tally: Tally, *keys: str) -> int:
    return tally.counts[keys]


def test_uncovered_by_any_span_and_by_masked_ones() -> None:
    tally = compare(MARKED, [found(TEXT, "Anna", "PERSON"), found(TEXT, "Kowalski", "ORGANIZATION", action="allow")])
    assert counts(tally, "characters", "PERSON") == 12  # the blank does not count
    assert counts(tally, "uncovered", "PERSON", ALL) == 0
    assert counts(tally, "uncovered", "PERSON", MASKED) == 8
    assert counts(tally, "uncovered", "EMAIL_ADDRESS", ALL) == 16


def test_exact_and_overlap() -> None:
    tally = compare(MARKED, [found(TEXT, "Anna", "PERSON"), found(TEXT, "anna@example.com", "EMAIL")])
    assert [counts(tally, what, "PERSON") for what in ("gold", "predicted", "hit", "exact", "seen")] == [1, 1, 1, 0, 1]
    mail = [counts(tally, what, "EMAIL_ADDRESS") for what in ("gold", "predicted", "hit", "exact", "seen")]
    assert mail == [1, 1, 1, 1, 1]


def test_the_type_is_that_of_the_longest_overlap() -> None:
    tally = compare(MARKED, [found(TEXT, "Anna", "PERSON"), found(TEXT, "Kowalski", "ORGANIZATION")])
    assert (counts(tally, "typed", "PERSON"), counts(tally, "typed right", "PERSON")) == (1, 0)
    assert tally.wrong_types == {("PERSON", "ORGANIZATION"): 1}


def test_record_numbers_are_one_class_and_cards_another() -> None:
    text = "staff 2201-4487, SSN 211-94-6981, card 4712343122200384"
    marked = record(
        text, ("2201-4487", "EMPLOYEE_ID"), ("211-94-6981", "NATIONAL_ID"), ("4712343122200384", "BANK_ACCOUNT")
    )
    answer = [
        found(text, "2201-4487", "CUSTOMER_ID"),
        found(text, "211-94-6981", "US_SSN"),
        found(text, "4712343122200384", "CREDIT_CARD"),
    ]
    tally = compare(marked, answer)
    assert counts(tally, "exact", "ID") == 2
    assert counts(tally, "exact", "CARD") == 1
    assert counts(tally, "seen label", "EMPLOYEE_ID") == 1
    assert not tally.wrong_types


def test_a_clean_record_is_touched_by_masked_spans_only() -> None:
    text = "Siemens in Rome, said Einstein"
    marked = record(text, ("Siemens", "ORGANIZATION"), ("Rome", "LOCATION"), ("Einstein", "PUBLIC_FIGURE"))
    allowed = compare(
        marked, [found(text, "Siemens", "ORGANIZATION", action="allow"), found(text, "Einstein", "PERSON")]
    )
    assert (counts(allowed, "clean", "prose"), counts(allowed, "touched", "prose")) == (1, 0)
    masked = compare(marked, [found(text, "Siemens", "PERSON")])
    assert counts(masked, "touched", "prose") == 1
    assert counts(masked, "false", "prose", ALL) == 0  # it overlaps a mark: wrong in type, not false
    assert counts(compare(MARKED, []), "clean", "prose") == 0


def test_false_spans_by_kind_of_text() -> None:
    text = "host = June"
    tally = compare(
        record(text, kind="config"), [found(text, "June", "PERSON"), found(text, "host", "ORG", action="allow")]
    )
    assert counts(tally, "bytes", "technical") == 11
    assert counts(tally, "false", "technical", ALL) == 2
    assert counts(tally, "false", "technical", MASKED) == 1
    assert counts(tally, "clean", "technical") == counts(tally, "touched", "technical") == 1
    assert counts(compare(record("文", kind="note"), []), "bytes", "prose") == 3


def test_what_the_guide_leaves_open_counts_neither_way() -> None:
    text = "on 2026-02-14 10.20.4.17 called 127.0.0.1 and 10.0.0.0/8"
    plain = record(text)
    harmless = [found(text, "2026-02-14", "DATE_TIME"), found(text, "10.20.4.17", "IP_ADDRESS")]
    assert counts(compare(plain, harmless), "touched", "prose") == 0
    assert counts(compare(plain, harmless), "predicted", "IP_ADDRESS") == 0
    assert counts(compare(plain, [found(text, "127.0.0.1", "IP_ADDRESS")]), "touched", "prose") == 1
    assert counts(compare(plain, [found(text, "10.0.0.0/8", "IP_ADDRESS")]), "touched", "prose") == 1


def test_a_date_of_birth_may_be_called_a_date() -> None:
    text = "born 1984-11-27"
    tally = compare(record(text, ("1984-11-27", "DATE_OF_BIRTH")), [found(text, "1984-11-27", "DATE_TIME")])
    assert counts(tally, "typed right", "DATE_OF_BIRTH") == 1
    assert counts(tally, "exact", "DATE_OF_BIRTH") == 1


def test_recall_of_structured_values_asks_for_right_ones() -> None:
    text = "4712 3431 2220 0384 and 4712 3431 2220 0385, anna@example.com"
    marked = record(
        text,
        ("4712 3431 2220 0384", "CREDIT_CARD"),
        ("4712 3431 2220 0385", "CREDIT_CARD"),
        ("anna@example.com", "EMAIL_ADDRESS"),
    )
    tally = compare(marked, [found(text, "4712 3431 2220", "CREDIT_CARD"), found(text, "anna@example.com", "EMAIL")])
    assert counts(tally, "structured", "card") == 1
    assert (counts(tally, "structured found", "card"), counts(tally, "structured whole", "card")) == (1, 0)
    assert counts(tally, "structured whole", "e-mail") == 1


def test_of_a_partly_marked_set_the_rest_is_not_judged() -> None:
    text = "Anna at anna@example.com in Rome"
    marked = record(text, ("Anna", "PERSON"))
    answer = [found(text, "anna@example.com", "EMAIL"), found(text, "Rome", "PERSON"), found(text, "Anna", "PERSON")]
    tally = compare(marked, answer, frozenset({"PERSON"}))
    assert counts(tally, "predicted", "EMAIL_ADDRESS") == 0
    assert counts(tally, "predicted", "PERSON") == 2
    assert counts(tally, "bytes", "prose") == 0  # nothing can be said of false alarms
    assert tally.scored == [(0.9, False), (0.9, True)]

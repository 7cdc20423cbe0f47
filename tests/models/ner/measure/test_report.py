"""Tables: what a person reads, and where they are put."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from models.ner.measure.readers import Finding
from models.ner.measure.report import BEGIN, END, as_json, markdown, write_markdown
from models.ner.measure.run import measure
from models.ner.measure.sets import MarkedSet
from models.ner.sources import Record

SET = MarkedSet(
    "tiny",
    (
        Record("Anna called Bo.", ((0, 4, "PERSON"), (12, 14, "PERSON")), "en", "chat", ""),
        Record("import os", (), "en", "code", ""),
    ),
)


class Fixed:
    """Knows one name; reads eight characters a second."""

    name = "fixed"

    def read(self, texts: object) -> tuple[list[list[Finding]], float | None]:
        assert isinstance(texts, list)
        anna = [Finding(0, 4, "PERSON", 0.95, "mask")]
        return [anna if text.startswith("Anna") else [] for text in texts], sum(map(len, texts)) / 8


def test_tables_hold_figures_aims_and_speed() -> None:
    result = measure(Fixed(), SET)
    tables = markdown([(SET, [result])], day=date(2026, 11, 24))
    assert tables.startswith("Measured on 2026-11-24.")
    assert "### tiny: 2 texts, 24 characters" in tables
    assert "| person names: characters left uncovered, masked | en | ≤ 2 % | 33.3 ✗ |" in tables
    assert "| records without personal data in which anything is masked | all | ≤ 5 % | 0.0 ✓ |" in tables
    assert "| characters a second, one core, English prose |  | ≥ 30,000 | 8 ✗ |" in tables
    assert "| en | PERSON | 2 | 100.0 / 50.0 / 66.7 | 100.0 / 50.0 / 66.7 | 33.3 % | 33.3 % |" in tables
    assert "Expected calibration error 5.0 % over 1 findings." in tables
    found = as_json([(SET, [result])])["sets"][0]["detectors"][0]
    assert found["characters_per_second"] == {"English prose": 8, "technical text": 8}
    names = {figure["name"]: figure["value"] for figure in found["languages"]["en"]["figures"]}
    assert round(names["person names: characters left uncovered, masked"], 1) == 33.3


def test_the_speed_is_taken_of_enough_text_that_was_not_seen() -> None:
    asked: list[list[str]] = []

    class Counting(Fixed):
        def read(self, texts: object) -> tuple[list[list[Finding]], float | None]:
            assert isinstance(texts, list)
            asked.append(texts)
            return super().read(texts)

    measure(Counting(), SET)
    assert [len(texts) for texts in asked[:1]] == [2]
    assert all(sum(map(len, texts)) >= 120_000 and len(set(texts)) == len(texts) for texts in asked[1:])
    asked.clear()
    assert not measure(Counting(), SET, speed=False).speeds
    assert len(asked) == 1


def test_an_open_set_says_nothing_of_false_alarms() -> None:
    opens = MarkedSet("open", (Record("Anna called.", ((0, 4, "PERSON"),), "en", "open", ""),))

    class Silent(Fixed):
        def read(self, texts: object) -> tuple[list[list[Finding]], float | None]:
            return [[]], None

    tables = markdown([(opens, [measure(Silent(), opens)])], day=date(2026, 11, 24))
    assert "false spans" not in tables
    assert "without personal data" not in tables
    assert "100.0 ✗" in tables


def test_markdown_goes_between_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"# Page\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n", encoding="utf-8")
    write_markdown(path, "new")
    assert path.read_text(encoding="utf-8") == f"# Page\n\n{BEGIN}\n\nnew\n\n{END}\n\nThe rest.\n"
    write_markdown(tmp_path / "own.md", "new")
    assert (tmp_path / "own.md").read_text(encoding="utf-8") == f"{BEGIN}\n\nnew\n\n{END}\n"

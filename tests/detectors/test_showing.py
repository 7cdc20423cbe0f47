"""What people see: places, brackets or colours, hostile text as text, long lines cut, explanations in words."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from detectors.explaining import Beaten, ExplainedSpan, Explanation
from detectors.families import Family, family_of
from detectors.reports import Report
from detectors.showing import Finding, Lines, Shower, findings_of, reasons, summary, visible
from detectors.spans import Span

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def actions(text: str, spans: Sequence[Span]) -> list[str]:
    return ["allow" if span.entity == "ORGANIZATION" else "mask" for span in spans]


def shown(
    text: str, *spans: tuple[int, int, str], width: int = 80, colours: bool = False, everything: bool = True
) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colours, color_system="truecolor" if colours else None, highlight=False
    )
    lines = Lines(text)
    found = [Span(start, end, entity, 0.9, "Made") for start, end, entity in spans]
    Shower(console).text(lines, findings_of(lines, found, actions(text, found)), everything=everything)
    return out.getvalue()


@given(st.text("ab\n\r", max_size=60))
def test_places_count_lines_as_editors_do(text: str) -> None:
    lines = Lines(text)
    for offset in range(len(text)):
        before = text[:offset].split("\n")
        assert lines.place(offset) == (len(before), len(before[-1]) + 1)
    shown_lines = [text[slice(*lines.stretch(n))] for n in range(1, len(lines.starts) + 1)]
    assert shown_lines == [line.removesuffix("\r") for line in (text.removesuffix("\n") + "\n").split("\n")[:-1]]


def test_without_colours_brackets_tell_masked_from_allowed() -> None:
    assert shown("Anna at Globex\nx", (0, 4, "PERSON"), (8, 14, "ORGANIZATION")) == (
        "1 | [PERSON: Anna] at {ORGANIZATION: Globex}\n2 | x\n"
    )


def test_a_finding_over_two_lines_is_marked_on_both() -> None:
    assert shown("a KEY\r\nKEY b\n", (2, 10, "SECRET")) == "1 | a [SECRET: KEY]\n2 | [SECRET: KEY] b\n"


def test_of_several_files_only_lines_that_hold_findings() -> None:
    assert shown("a\nAnna\nb\n", (2, 6, "PERSON"), everything=False) == "2 | [PERSON: Anna]\n"


def test_colours_differ_by_family_and_action_and_leave_the_text_alone() -> None:
    text = "Anna anna@example.com Globex"
    spans = ((0, 4, "PERSON"), (5, 21, "EMAIL_ADDRESS"), (22, 28, "ORGANIZATION"))
    out = shown(text, *spans, colours=True)
    assert ESCAPES.sub("", out) == f"1 │ {text}\n"
    codes = [re.search(rf"(\x1b\[[0-9;]*m){value}", out) for value in ("Anna", "anna", "Globex")]
    assert len({code[1] for code in codes if code}) == 3
    assert "48;5" in codes[0][1] and "48;5" not in codes[2][1]  # type: ignore[index]


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[31mred\x1b]0;title\x07",
        "[red]x[/red] :smile:",
        "a\u202eb\u2066c",
        "\ud83d\udc00",
        "a\x00b\x7f\x9b1m",
        "\u2028x",
    ],
)
@pytest.mark.parametrize("colours", [False, True])
def test_hostile_text_is_shown_as_text(hostile: str, colours: bool) -> None:
    out = ESCAPES.sub("", shown(f"Anna {hostile}", (0, 4, "PERSON"), colours=colours))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069\ud800-\udfff]", out)
    if hostile.isprintable():
        assert hostile in out


@given(st.text())
def test_visible_text_is_harmless_and_printable_text_unchanged(text: str) -> None:
    seen = visible(text)
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", seen)
    assert visible(seen) == seen
    if text.isprintable():
        assert seen == text


@pytest.mark.parametrize("colours", [False, True])
def test_of_a_very_long_line_what_surrounds_findings_is_shown(colours: bool) -> None:
    text = "a" * 1_000_000 + "Anna" + "b" * 1_000_000
    out = ESCAPES.sub("", shown(text, (1_000_000, 1_000_004, "PERSON"), colours=colours, width=500))
    assert len(out) < 400
    assert "a" * 60 + ("Anna" if colours else "[PERSON: Anna]") + "b" * 60 in out
    assert out.count("999,940 characters") == 2
    assert len(shown(text)) < 200


def test_narrow_terminals_wrap_beside_the_line_number() -> None:
    out = ESCAPES.sub("", shown("word " * 10 + "Anna", (50, 54, "PERSON"), width=30, colours=True))
    assert [line.split("│")[0] for line in out.splitlines()] == ["1 ", "  ", "  "]
    assert all(len(line) <= 30 for line in out.splitlines())


@pytest.mark.parametrize("width", [20, 50, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    out = io.StringIO()
    shower = Shower(Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False))
    shower.table([Finding(Span(0, 4, "PERSON", 0.9, "A" * 60), "mask", 1, 1)])
    head, row = out.getvalue().splitlines()
    assert head.split()[:4] == ["place", "entity", "action", "score"]
    assert row.split()[:4] == ["1:1", "PERSON", "mask", "0.90"]
    assert len(row.rstrip()) <= max(width, 29)


def test_summary_in_words() -> None:
    findings = [
        Finding(Span(i, i + 1, "E", 1.0, "r"), action, 1, 1) for i, action in enumerate(["mask", "allow", "mask"])
    ]
    assert summary(findings) == "3 findings: 2 masked, 1 allowed"
    assert summary(findings[1:2]) == "1 finding: 1 allowed"
    assert summary([]) == "nothing found"


def test_reasons_in_words() -> None:
    told = Explanation(
        0.4, ("ssn",), "its checksum fits", "in base64", ("Other",), (Beaten("TAX_ID", "Loser", 0.5, "lower score"),)
    )
    finding = Finding(ExplainedSpan(0, 1, "US_SSN", 1.0, "Winner", told), "mask", 1, 1)
    assert list(reasons(finding, "rule `x`")) == [
        ("found by", "Winner, and Other"),
        ("written", "in base64"),
        ("score", "0.40 -> 1.00, raised by “ssn”"),
        ("proof", "its checksum fits"),
        ("rather than", "TAX_ID (Loser, 0.50): lower score"),
        ("mask by", "rule `x`"),
    ]
    plain = Finding(Span(0, 1, "PERSON", 0.8, "Linked"), "mask", 1, 1)
    assert list(reasons(plain, "w")) == [
        ("found by", "Linked"),
        ("because", "what was found elsewhere in the text leads here"),
        ("score", "0.80"),
        ("mask by", "w"),
    ]


def test_families_and_what_no_table_names() -> None:
    assert family_of("PERSON") is Family.PEOPLE
    assert family_of("XX_NEW_ID") is Family.IDS


class TestReport:
    text = "Anna at Globex, Bob\n"
    spans = (Span(0, 4, "PERSON", 0.9, "r"), Span(8, 14, "ORGANIZATION", 0.8, "r"), Span(16, 19, "PERSON", 0.5, "r"))

    def report(self, *names: str, floor: float = 0.0) -> Report:
        report = Report(
            "made-1", actions, lambda t, spans: [f"because {s.entity}" for s in spans], lambda s: s.score >= floor
        )
        for name in names:
            report.add(name, self.text, self.spans)
        return report

    def test_masked_text_and_filter(self) -> None:
        out = io.StringIO()
        self.report("a", floor=0.6).write_masked(out)
        assert out.getvalue() == "<PERSON> at Globex, Bob\n"

    def test_json_holds_no_value(self) -> None:
        out = io.StringIO()
        report = self.report("a.txt")
        report.left_out("b.png", "binary")
        report.write_json(out)
        document = json.loads(out.getvalue())
        assert document["counts"] == {"allow": 1, "mask": 2}
        assert document["not_read"] == [{"file": "b.png", "reason": "binary"}]
        assert document["files"][0]["findings"][2] == {
            "start": 16,
            "end": 19,
            "entity": "PERSON",
            "score": 0.5,
            "recognizer": "r",
            "action": "mask",
            "line": 1,
            "column": 17,
        }
        assert "Anna" not in out.getvalue() and "Globex" not in out.getvalue()
        assert report.held == 2

    def test_one_file_whole_several_with_headings(self) -> None:
        out = io.StringIO()
        self.report("a.txt").show(out)
        assert out.getvalue().startswith("1 | [PERSON: Anna] at {ORGANIZATION: Globex}")
        assert out.getvalue().endswith("\n3 findings: 2 masked, 1 allowed\n")
        out = io.StringIO()
        self.report("a.txt", "b.txt").show(out)
        assert out.getvalue().startswith("a.txt\n1 | ")
        assert out.getvalue().endswith("\n2 files, 6 findings: 4 masked, 2 allowed\n")

    def test_no_text_prints_no_value(self) -> None:
        out = io.StringIO()
        self.report("a.txt").show(out, text=False, explain=True)
        assert "PERSON" in out.getvalue() and "because PERSON" in out.getvalue()
        assert not {"Anna", "Globex", "Bob"} & set(re.findall(r"\w+", out.getvalue()))

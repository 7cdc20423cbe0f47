"""What each preset tells, against a record whose numbers are known; both languages, three forms, hostile text inert."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from audit.database import open_read_only
from audit.errors import AuditError
from audit.reports import kinds, presets
from audit.reports.document import Facts as Lines
from audit.reports.document import Table, Tone
from audit.reports.facts import Destination, Facts, fate_of, gather
from audit.reports.html import page
from audit.reports.organization import read_organization
from audit.reports.pdf import pdf
from audit.reports.period import Period, parse_month
from audit.reports.policies import _differences
from audit.reports.presets import Preset, document_of, thresholds
from audit.reports.sections import Writing, _all_words, estimate_of
from audit.reports.subjects import RELATIVE_ERROR, Distinct
from audit.verification import Flaw, Kind, Report
from tests.audit.reports.conftest import HOSTILE, NEW, OCTOBER, OLD, Archive, Run, fill

NOW = OCTOBER.replace(month=11, day=24)


@pytest.fixture(scope="module")
def numbers(archive: Archive) -> Facts:
    return gather(open_read_only(archive.url), Period(2026, 10), (), NOW)


def writing(numbers: Facts, language: str = "en", **organization: list[str]) -> Writing:
    return Writing(language, numbers, organization)


def test_the_month_is_the_month(numbers: Facts) -> None:
    assert numbers.totals.decisions == 13  # neither September's nor November's; the last minute of the 31st is in
    assert numbers.totals.by_action == {"allow": 4, "mask": 6, "reroute": 1, "block": 2}
    assert (numbers.totals.unresolved, numbers.totals.failed) == (1, 1)
    assert numbers.failed_closed == {"error:detector_timeout": 1}
    assert (numbers.observed, numbers.unsynchronized, numbers.callers) == (1, 1, 1)
    assert (numbers.totals.placeholders_unknown, numbers.totals.placeholders_withheld) == (1, 2)


def test_values_by_what_became_of_them(numbers: Facts) -> None:
    assert numbers.kinds["PERSON"] == {"masked": 50, "clear": 30}  # observing, nothing was masked
    assert numbers.kinds["CREDIT_CARD"] == {"masked": 5, "clear": 12, "kept": 2}
    assert numbers.kinds["HEALTH_INSURANCE"] == {"local": 9}
    assert fate_of("mask", "openai", "allow") == "clear"
    assert fate_of("allow", "openai", "mask") == "clear"
    assert fate_of("block", None, "mask") == "kept"


def test_recipients_and_countries(numbers: Facts) -> None:
    told = {to: (traffic.requests, traffic.masked) for to, traffic in numbers.traffic.items()}
    assert told == {
        Destination("openai", "US"): (8, 5), Destination("anthropic", "DE"): (1, 1),
        Destination("elsewhere", None): (1, 0), Destination("on-prem", None): (1, 0),
    }  # fmt: skip


def test_distinct_identifiers_are_of_the_year_and_of_persons(numbers: Facts) -> None:
    w = writing(numbers)
    us = [Destination("openai", "US")]
    masked = estimate_of(w, to=us, fate="masked", kind="PERSON")
    assert masked.count == 70 and masked.low <= 70 <= masked.high  # 0-40 in September, 20-70 in October
    assert estimate_of(w, to=us, fate="clear", kind="PERSON").count == 30
    assert estimate_of(w, kind="ORGANIZATION").count == 0
    assert estimate_of(w, kind="HEALTH_INSURANCE").count == 0  # a model of one's own is nobody else
    assert estimate_of(w, fate="clear", sensitive=True).count == 16
    assert estimate_of(w, to=[Destination("nobody", "US")]).high == 0


def test_the_error_bound_holds() -> None:
    distinct = Distinct()
    for n in range(60_000):
        distinct.add("one" if n % 2 else "two", f"value-{n % 30_000}")
    for keys, true in ((["one"], 15_000), (["one", "two"], 30_000)):
        found = distinct.of(keys)
        assert found.low <= true <= found.high
        assert abs(found.count - true) <= 4 * RELATIVE_ERROR * true
    assert pytest.approx(0.0081, abs=1e-4) == RELATIVE_ERROR


def test_policy_changes_name_places_and_nothing_else(numbers: Facts, run: Run) -> None:
    (change,) = numbers.policies.changes
    assert (change.hash, change.before) == (NEW, OLD)
    assert list(change.paths) == ["~ entities.PERSON", "- mode", "+ rules[1]"]
    assert [(digest, count) for digest, count, _, _ in numbers.policies.used] == [(OLD, 8), (NEW, 5)]
    assert "张伟" not in run("report", "--preset", "soc2", "--month", "2026-10").stdout
    assert list(_differences({"a": 1}, None)) == ["~ all"]
    assert list(_differences({"a": [1, 2]}, {"a": [1]})) == ["- a[1]"]


def test_the_tenant_filter(archive: Archive) -> None:
    other = gather(open_read_only(archive.url), Period(2026, 10), ("other",), NOW)
    assert other.totals.decisions == 1 and not other.policies.changes and not other.kinds


def table(numbers: Facts, preset: Preset, name: str, language: str = "en") -> list[list[str]]:
    document = document_of(preset, writing(numbers, language))
    blocks = [block for section in document.sections for block in section.blocks]
    return [list(row) for row in next(one for one in blocks if isinstance(one, Table) and one.name == name).rows]


def test_hipaa_lists_all_eighteen_identifiers(numbers: Facts) -> None:
    rows = {row[0]: row[2:] for row in table(numbers, Preset.HIPAA, "identifiers")}
    assert list(rows) == [f"({letter})" for letter in "ABCDEFGHIJKLMNOPQR"]
    assert rows["(A)"] == ["80", "30", "50", "0", "0"]
    assert rows["(H)"] == ["3", "0", "3", "0", "0"]
    assert rows["(E)"][:2] == ["–", "no recognizer of its own"]


def test_gdpr_tells_third_countries_from_the_eea(archive: Archive, numbers: Facts) -> None:
    document = document_of(Preset.GDPR, writing(numbers))
    transfers = next(one for one in document.sections if one.source == "GDPR, Art. 30(1)(e)")
    (rows,) = [block.rows for block in transfers.blocks if isinstance(block, Table)]
    assert {row[0]: (row[1], row[5]) for row in rows} == {
        "openai": ("US", "yes"), "anthropic": ("DE", "no"), "elsewhere": ("unknown", "unknown"),
        "on-prem": ("own model", "no"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("general", "special", "step"),
    [(0, 0, "small"), (99_000, 0, "small"), (103_000, 0, "contract"), (5, 1, "contract"), (5, 9_000, "contract"),
     (5, 10_500, "assessment"), (1_050_000, 0, "assessment")],
)  # fmt: skip
def test_pipl_compares_the_upper_bound_with_the_cac_s_thresholds(
    numbers: Facts, monkeypatch: pytest.MonkeyPatch, general: int, special: int, step: str
) -> None:
    from audit.reports.subjects import Estimate

    def estimate(w: object, **wanted: Any) -> Estimate:
        count = special if wanted["sensitive"] else general
        return Estimate(count, count, count)

    monkeypatch.setattr(presets.s, "estimate_of", estimate)
    assert thresholds(writing(numbers)) == {"clear": step, "all": step}


def test_pipl_counts_what_leaves_the_home_country(numbers: Facts) -> None:
    facts = document_of(Preset.PIPL, writing(numbers)).facts
    assert facts["thresholds"] == {"clear": "contract", "all": "contract", "home": "CN"}
    at_home = document_of(Preset.PIPL, writing(numbers, country=["US"])).facts
    assert at_home["thresholds"]["home"] == "US"
    assert at_home["thresholds"]["clear"] == "small"  # what stayed in the country does not count


def test_kinds_of_data() -> None:
    assert kinds.is_sensitive("NATIONAL_ID") and kinds.is_sensitive("CN_RESIDENT_ID") and kinds.is_sensitive("DK_CPR")
    assert (
        not kinds.is_sensitive("PERSON")
        and not kinds.is_sensitive("DE_VAT_ID")
        and not kinds.is_sensitive("IP_ADDRESS")
    )
    assert kinds.is_personal("SOMETHING_NEW") and not kinds.is_personal("ORGANIZATION")


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_html_is_one_file_and_inert(numbers: Facts, preset: Preset, language: str) -> None:
    text = page(document_of(preset, writing(numbers, language)))
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "<script" not in text and HOSTILE not in text
    assert not re.search(r"\b(?:src|href)=|url\(", text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#x27;sha256-{allowed}&#x27;" in text and 'style="' not in text
    assert bool(re.search("[\u4e00-\u9fff]", text)) is (language == "zh")
    assert "{" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)  # no word's gap was left open
    assert ("请由贵组织填写" if language == "zh" else "to be filled in by you") in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pdf(run: Run, tmp_path: Path, language: str) -> None:
    file = tmp_path / "report.pdf"
    arguments = ("report", "--preset", "pipl", "--month", "2026-10", "--lang", language, "--format", "pdf")
    result = run(*arguments, "-o", str(file))
    assert result.exit_code == 0, result.output
    content = file.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert (b"STSong-Light" in content) is (language == "zh") and len(content) < 200_000
    assert b"/JavaScript" not in content and b"/URI" not in content
    assert run(*arguments).exit_code == 2


def test_json_has_the_numbers(run: Run) -> None:
    told = json.loads(run("report", "--preset", "soc2", "--month", "2026-10", "--format", "json", "--verify").stdout)
    assert told["facts"]["totals"]["decisions"] == 13
    assert told["facts"]["ledger"]["verdict"] == "whole"
    assert {one["kind"]: one["count"] for one in told["facts"]["distinct"] if one["country"] == "DE"} == {
        "MEDICAL_RECORD": 3
    }
    assert told["document"]["sections"][0]["title"] == "The month in numbers"


def test_the_proof_says_whether_it_was_verified(archive: Archive, numbers: Facts, run: Run) -> None:
    assert "not run for this report" in page(document_of(Preset.PCI, writing(numbers)))
    for count, words in ((0, "cannot tell"), (1, "NOT whole (flaws: 1)")):
        told = Report(doubts=["No key."])
        if count:
            told.add(Flaw(Kind.CHANGED, "It was changed."))
        assert words in page(document_of(Preset.PCI, Writing("en", numbers, {}, told)))
    assert "whole: every record" in run("report", "--preset", "pci", "--month", "2026-10", "--verify").stdout


def test_what_the_organization_says_and_what_is_left_to_it(run: Run, tmp_path: Path, numbers: Facts) -> None:
    file = tmp_path / "org.yaml"
    file.write_text("name: Example Clinic <b>Ltd</b>\npurposes: [Letters, Records]\nretention:\nnotes: 2026-10-01\n")
    assert read_organization(file) == {
        "name": ["Example Clinic <b>Ltd</b>"], "purposes": ["Letters", "Records"], "notes": ["2026-10-01"],
    }  # fmt: skip
    text = run("report", "--preset", "gdpr-art30", "--month", "2026-10", "--organization", str(file)).stdout
    assert "Example Clinic &lt;b&gt;Ltd&lt;/b&gt;" in text and "Letters; Records" in text
    (lines,) = [writing(numbers, name=["Example Ltd"]).own("name", "legal_basis")]
    assert isinstance(lines, Lines)
    assert [tone for _, _, tone in lines.items] == [Tone.PLAIN, Tone.FILL]


@pytest.mark.parametrize(
    "text", ["[1, 2]", "- a", "nmae: x", "name: {a: b}", "name: [[a]]", "a: b: c", "\udcff", "name: true"]
)
def test_what_is_no_organization_file(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "org.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(AuditError):
        read_organization(tmp_path / "org.yaml")
    with pytest.raises(AuditError, match="cannot be read"):
        read_organization(tmp_path / "absent.yaml")


def test_an_empty_month(archive: Archive, run: Run) -> None:
    nothing = gather(open_read_only(archive.url), Period(2026, 1), (), NOW)
    for preset in Preset:
        assert "None." in page(document_of(preset, writing(nothing)))
    assert run("report", "--preset", "hipaa", "--month", "2026-01").exit_code == 0


def test_an_english_pdf_sets_chinese_names_in_a_chinese_font(numbers: Facts) -> None:
    content = pdf(document_of(Preset.SOC2, writing(numbers, name=["示例诊所 <b>&</b>"])))
    assert b"STSong-Light" in content and b"Helvetica" in content


async def test_the_numbers_are_the_same_on_every_database(url: str, tmp_path: Path, numbers: Facts) -> None:
    await fill(url, tmp_path / "keys")
    told = document_of(Preset.GDPR, writing(gather(open_read_only(url), Period(2026, 10), (), NOW))).facts
    expected = document_of(Preset.GDPR, writing(numbers)).facts
    assert told.pop("ledger")["size"] == expected.pop("ledger")["size"]
    assert told == expected


def test_months() -> None:
    assert parse_month("2026-12").until == OCTOBER.replace(year=2027, month=1)
    assert parse_month("2026-02").since == OCTOBER.replace(month=2)
    assert parse_month("2026-10").year_since == OCTOBER.replace(month=1)
    for text in ("2026", "2026-13", "2026-00", "26-10", "2026-10-01", "0000-10", "9999-12", "x"):
        with pytest.raises(AuditError, match="--month"):
            parse_month(text)


def test_wrong_questions(run: Run, tmp_path: Path) -> None:
    for arguments in (
        ("--preset", "hipaa"),
        ("--preset", "other", "--month", "2026-10"),
        ("--preset", "hipaa", "--month", "October"),
        ("--preset", "hipaa", "--month", "2026-10", "--organization", str(tmp_path / "absent")),
        ("--preset", "hipaa", "--month", "2026-10", "-o", str(tmp_path / "absent" / "file")),
        ("--preset", "hipaa", "--month", "2026-10", "--database", str(tmp_path / "absent.db")),
    ):
        result = run("report", *arguments)
        assert result.exit_code == 2 and "Traceback" not in result.output


def test_every_word_is_there_in_both_languages_with_the_same_gaps() -> None:
    for key, words in _all_words().items():
        assert set(words) == {"en", "zh"} and all(words.values()), key
        gaps = [sorted(re.findall(r"\{(\w+)\}", text)) for text in words.values()]
        assert gaps[0] == gaps[1], key

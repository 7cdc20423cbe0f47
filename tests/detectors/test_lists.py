"""The detector's allow-list and deny-list: whole values, files, cases, patterns, and never a miss in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detectors.allow_list import AllowList
from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.list_entries import AllowListed, DenyListed, unfolded
from detectors.recognizers.site import DenyListRecognizer

MAIL = "Write to anna@example.com or ANNA@example.org, ticket BB-1234."


def detector(**settings: object) -> Detector:
    return Detector(DetectorConfig.model_validate({"ner": NerConfig(enabled=False), **settings}))


def found(built: Detector, text: str) -> list[tuple[str, str, float]]:
    return [(span.entity, text[span.start : span.end], span.score) for span in built.detect([text])[0]]


def test_what_is_allowed_is_no_finding_and_what_is_denied_always_one(tmp_path: Path) -> None:
    (tmp_path / "denied.txt").write_text("\ufeff# projects\nProject Bluebird\n\n  蓝鸟计划 \n", encoding="utf-8")
    built = detector(
        allow_list=["anna@example.com", {"literal": "anna@EXAMPLE.ORG", "ignore_case": True, "entities": ["EMAIL*"]}],
        deny_list=[
            "ticket",
            {"file": str(tmp_path / "denied.txt"), "entity": "PROJECT", "ignore_case": True},
            {"pattern": r"BB-\d{4}", "entity": "TICKET"},
            {"literal": "anna@example.com", "entity": "STAFF"},
        ],
    )
    assert found(built, MAIL) == [
        ("STAFF", "anna@example.com", 1.0),
        ("DENY_LIST", "ticket", 1.0),
        ("TICKET", "BB-1234", 1.0),
    ]
    assert found(built, "我们的蓝鸟计划和 project bluebird, projects") == [
        ("PROJECT", "蓝鸟计划", 1.0),
        ("PROJECT", "project bluebird", 1.0),
    ]
    assert found(built, "ＰＲＯＪＥＣＴ Ｂｌｕｅｂｉｒｄ, pro\u200bject bluebird")[0][0] == "PROJECT"


def test_an_allowed_value_is_not_found_again_elsewhere() -> None:
    text = "Phone: +1 (415) 555-0132. Log: caller=4155550132 done"
    assert len(found(detector(), text)) == 2
    assert found(detector(allow_list=[{"pattern": r"[+(]*1? ?\(?415.*"}]), text) == []


def test_the_version_tells_lists_apart(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    versions = set()
    for text in ("one\n", "two\n"):
        file.write_text(text, encoding="utf-8")
        versions.add(detector(deny_list=[{"file": str(file)}]).version)
    versions |= {detector(allow_list=["one"]).version, detector(allow_list=["two"]).version, detector().version}
    assert len(versions) == 5


def test_ten_thousand_entries() -> None:
    recognizer = DenyListRecognizer([DenyListed(literal=f"Client {i} Holding") for i in range(10_000)])
    text = "Client 77 Holdings, client 77 holding, Client 77 Holding; Client 10000 Holding"
    assert [text[found.start : found.end] for found in recognizer.analyze(text, [])] == ["Client 77 Holding"]


def test_a_pattern_of_the_deny_list_that_takes_too_long_fails_closed() -> None:
    built = detector(deny_list=[{"pattern": "(?:a|aa)+$"}], regex_timeout_ms=100)
    with pytest.raises(DetectorError, match=r"pattern 1 of detector\.deny_list"):
        built.detect(["a" * 60 + "!"])


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), (b"\xff\xfe\x00caf\xe9", "is not UTF-8")])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "list.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DetectorError, match=message) as caught:
        detector(deny_list=[{"file": str(file)}])
    assert "detector.deny_list" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"allow_list": [{"literal": "a", "file": "b"}]},
        {"allow_list": [{"entity": "X", "literal": "a"}]},
        {"deny_list": [{"pattern": "("}]},
        {"deny_list": [{"literal": ""}]},
        {"deny_list": [{"literal": "a", "entity": "lower"}]},
        {"deny_list": [{"literal": "a", "entity": "X"}], "disabled": ["X"]},
    ],
)
def test_wrong_entries(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DetectorConfig.model_validate(wrong)


WORDS = st.sampled_from(["Acme", "ACME", "acme", "A-1", "a-1", "张伟"])


@given(
    st.lists(st.tuples(WORDS, st.booleans(), st.sampled_from([(), ("PERSON",), ("P*", "X")])), max_size=5),
    WORDS,
    st.sampled_from(["PERSON", "X"]),
)
def test_the_allow_list_is_the_sum_of_its_entries(
    entries: list[tuple[str, bool, tuple[str, ...]]], value: str, entity: str
) -> None:
    def holds(literal: str, ignore_case: bool, entities: tuple[str, ...]) -> bool:
        same = literal.casefold() == value.casefold() if ignore_case else literal == value
        return same and (not entities or entity in entities or (entity == "PERSON" and "P*" in entities))

    listed = [
        AllowListed.model_validate({"literal": one, "ignore_case": cased} | ({"entities": names} if names else {}))
        for one, cased, names in entries
    ]
    assert AllowList(unfolded("allow_list", listed)).allows(entity, value) == any(holds(*entry) for entry in entries)

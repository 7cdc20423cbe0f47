"""Public figures and eponyms: nobody's private matter, unless the text makes a private person of the name."""

from __future__ import annotations

import pytest

from detectors.config import DetectorConfig
from detectors.detector import Detector
from detectors.figures import is_eponym, retyped
from detectors.reading import Proposal
from detectors.spans import Span


def typed(text: str, *names: str, others: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    spans = [
        Span(text.index(value), text.index(value) + len(value), entity, 0.9, "x")
        for entity, value in (*(("PERSON", name) for name in names), *others)
    ]
    return {text[span.start : span.end]: span.entity for span in retyped(text, spans)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Write a sonnet in the manner of Shakespeare", "Shakespeare"),
        ("A quote of Peter Drucker, please", "Peter Drucker"),
        ("what did EINSTEIN say", "EINSTEIN"),
        ("化用李白的诗句", "李白"),
        ("冯·诺依曼结构", "冯·诺依曼"),
        ("the essays of Lu Xun", "Lu Xun"),
        ("夏目漱石の『こころ』", "夏目漱石"),
        ("a Kaplan-Meier plot", "Kaplan-Meier"),
    ],
)
def test_a_public_figure(text: str, name: str) -> None:
    assert typed(text, name) == {name: "PUBLIC_FIGURE"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dr. Darwin called", "Darwin"),
        ("请李白老师回电", "李白"),
        ("Shakespear wrote", "Shakespear"),
        ("Marie Curie-Lopez wrote", "Marie Curie-Lopez"),
        ("李白云说", "李白云"),
        ("Anna Kant wrote", "Anna Kant"),
    ],
)
def test_a_private_person(text: str, name: str) -> None:
    assert typed(text, name) == {name: "PERSON"}


def test_other_identifying_values_make_a_private_person_of_the_name() -> None:
    text = "Ada Lovelace, ada@example.com"
    assert typed(text, "Ada Lovelace", others=(("EMAIL_ADDRESS", "ada@example.com"),))["Ada Lovelace"] == "PERSON"
    assert typed("Ada Lovelace in London", "Ada Lovelace", others=(("LOCATION", "London"),))["Ada Lovelace"] != "PERSON"


@pytest.mark.parametrize(
    ("text", "name", "eponym"),
    [
        ("the Hardy-Weinberg equilibrium", "Hardy-Weinberg", True),
        ("Von Hippel-Lindau disease", "Von Hippel-Lindau", True),
        ("Crohn's disease", "Crohn", True),
        ("确诊帕金森病三年", "帕金森", True),
        ("阿尔茨海默病", "阿尔茨海默", True),
        ("用哈希曼法求解", "哈希曼", True),
        ("用哈希曼法，求解", "哈希曼", True),
        ("吉兰综合征", "吉兰", True),
        ("Mr. Parkinson disease history", "Parkinson", False),
        ("Anna Kowalska disease history", "Anna Kowalska", False),
        ("Maria has a disease", "Maria", False),
        ("李明病了", "李明", False),
        ("王小明病退", "王小明", False),
        ("张伟法官", "张伟", False),
        ("Chen fracture clinic", "Chen", False),
    ],
)
def test_eponyms(text: str, name: str, eponym: bool) -> None:
    start = text.index(name)
    assert is_eponym(text, start, start + len(name)) is eponym


class _Model:
    version = "test"

    def __init__(self, *found: tuple[str, str]) -> None:
        self._found = found

    def predict(self, texts: list[str]) -> list[list[Proposal]]:
        return [
            [Proposal(t.index(v), t.index(v) + len(v), label, 0.9) for label, v in self._found if v in t] for t in texts
        ]


def test_in_the_detector() -> None:
    model = _Model(("PERSON", "Crohn"), ("PERSON", "Einstein"), ("LOCATION", "Sandoval"))
    detector = Detector(DetectorConfig(), model=model)  # type: ignore[arg-type]
    [spans] = detector.detect(["Crohn's disease; Einstein; ask Ms. Sandoval"])
    assert [(span.entity, span.recognizer) for span in spans] == [
        ("PUBLIC_FIGURE", "NerRecognizer"),
        ("PERSON", "NerRecognizer"),
    ]

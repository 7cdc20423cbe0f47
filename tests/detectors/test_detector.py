"""The detector as a whole: obfuscation, the model, limits, failing closed, silence."""

from __future__ import annotations

import base64
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.spans import Span

Find = Callable[[str], list[tuple[str, str]]]


@dataclass(frozen=True)
class Found:
    start: int
    end: int
    label: str
    score: float


class NamesModel:
    """Finds the names it is given; counts its calls."""

    version = "names-1"

    def __init__(self, **names: str) -> None:
        self.names = names
        self.calls: list[int] = []

    def predict(self, texts: Sequence[str]) -> list[list[Found]]:
        self.calls.append(len(texts))
        return [
            [
                Found(text.index(name), text.index(name) + len(name), label, 0.9)
                for name, label in self.names.items()
                if name in text
            ]
            for text in texts
        ]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("mail an\u200bna@exam\u200bple.com now", "EMAIL_ADDRESS", "an\u200bna@exam\u200bple.com"),
        ("card ４１１１ １１１１ １１１１ １１１１", "CREDIT_CARD", "４１１１ １１１１ １１１１ １１１１"),
        ("q=anna%40example.com&x", "EMAIL_ADDRESS", "anna%40example.com"),
        ("\\u0061nna\\u0040example.com", "EMAIL_ADDRESS", "\\u0061nna\\u0040example.com"),
        ("anna&#64;example.com", "EMAIL_ADDRESS", "anna&#64;example.com"),
        ("pаypal@exаmple.com", "EMAIL_ADDRESS", "pаypal@exаmple.com"),
        ("手机 1 3 8 0 0 1 3 8 0 0 0 。", "PHONE_NUMBER", "1 3 8 0 0 1 3 8 0 0 0"),
    ],
)
def test_obfuscated_values_are_found_whole(find: Find, text: str, entity: str, value: str) -> None:
    assert find(text) == [(entity, value)]


def test_a_base64_run_with_something_in_it_is_a_finding(find: Find) -> None:
    run = base64.b64encode(b'{"mail": "anna@example.com"}').decode()
    twice = base64.b64encode(f"payload {run}".encode()).decode()
    assert find(f"x {run} y") == [("EMAIL_ADDRESS", run)]
    assert find(f"x {twice} y") == [("EMAIL_ADDRESS", twice)]
    harmless = base64.b64encode(b"nothing of interest in this text").decode()
    assert find(f"x {harmless} y") == []


def test_the_model_reads_all_texts_at_once_and_patterns_decide_numbers() -> None:
    model = NamesModel(Anna="PERSON", Globex="ORGANIZATION", **{"0093402": "ID"})
    detector = Detector(DetectorConfig(), model=model)
    first, second, third = detector.detect(["Anna at Globex", "MRN 0093402", "no 0093402"])
    assert [(s.start, s.end, s.entity, s.recognizer) for s in first] == [
        (0, 4, "PERSON", "NerRecognizer"),
        (8, 14, "ORGANIZATION", "NerRecognizer"),
    ]
    assert [(s.entity, s.recognizer) for s in second] == [("MEDICAL_RECORD", "LabelledNumberRecognizer.MEDICAL_RECORD")]
    assert [s.entity for s in third] == ["RECORD_ID"]
    assert model.calls == [3]
    assert "names-1" in detector.version


def test_the_model_reads_shadows_too() -> None:
    detector = Detector(DetectorConfig(), model=NamesModel(张三="PERSON"))
    assert detector.detect(["name=\\u5f20\\u4e09;"])[0] == [Span(5, 17, "PERSON", 0.9, "NerRecognizer")]


def test_a_text_does_not_depend_on_its_neighbours(detector: Detector) -> None:
    texts = ["anna@example.com", "", "电话13800138000", "SSN 219-09-9999", "anna@example.com"]
    assert detector.detect(texts) == [detector.detect([text])[0] for text in texts]
    assert detector.detect([]) == []


def test_threads_may_share_it(detector: Detector) -> None:
    texts = [f"mail user{i}@example.com, card 4111 1111 1111 1111" for i in range(40)]
    alone = [detector.detect([text]) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: detector.detect([text]), texts)) == alone


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_gives_disjoint_spans_within_it(detector: Detector, text: str) -> None:
    spans = detector.detect([text])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "text", ["\ud800 anna@example.com", "\x00anna@example.com\x00", "\r\n" * 50, "0" * 5000, "a@" * 2000]
)
def test_strange_texts(detector: Detector, text: str) -> None:
    spans = detector.detect([text])[0]
    assert ("anna" in text) == any(span.entity == "EMAIL_ADDRESS" for span in spans)


def test_a_text_beyond_the_limit_is_an_error() -> None:
    detector = Detector(DetectorConfig(ner=NerConfig(enabled=False), max_segment_chars=10))
    with pytest.raises(DetectorError, match="max_segment_chars"):
        detector.detect(["short", "anna@example.com"])


def test_a_failing_recognizer_fails_the_call_without_quoting(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ValueError("anna@example.com is bad")

    recognizer = detector._engine._recognizers[0]
    monkeypatch.setattr(recognizer, "analyze", explode)
    with pytest.raises(DetectorError) as caught:
        detector.detect(["anna@example.com"])
    assert "anna" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_failing_model_fails_the_call() -> None:
    class Broken(NamesModel):
        def predict(self, texts: Sequence[str]) -> list[list[Found]]:
            raise RuntimeError(f"cannot read {texts[0]}")

    class Short(NamesModel):
        def predict(self, texts: Sequence[str]) -> list[list[Found]]:
            return []

    for model in (Broken(), Short()):
        with pytest.raises(DetectorError) as caught:
            Detector(DetectorConfig(), model=model).detect(["Anna"])
        assert "Anna" not in str(caught.value)


def test_a_regex_time_out_fails_the_call(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = next(r for r in detector._engine._recognizers if type(r).__name__ == "EmailRecognizer")

    class Slow:
        def finditer(self, *_: object, timeout: float) -> None:
            assert timeout == detector.config.regex_timeout_ms / 1000
            raise TimeoutError("regex timed out")

    monkeypatch.setattr(recognizer, "_compiled", lambda pattern: Slow())
    with pytest.raises(DetectorError, match="EmailRecognizer ran into the regex time-out"):
        detector.detect(["anna@example.com"])


def test_nothing_is_logged_and_no_socket_is_opened(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with caplog.at_level(logging.DEBUG):
        detector = Detector(DetectorConfig(ner=NerConfig(enabled=False)))
        detector.warm_up()
        found = detector.detect(["anna@example.co.uk, GB82 WEST 1234 5698 7654 33, +44 20 7946 0018"])[0]
    assert "EMAIL_ADDRESS" in {span.entity for span in found}
    assert not [record for record in caplog.records if "anna" in record.getMessage() or "7946" in record.getMessage()]
    assert logging.getLogger("presidio-analyzer").disabled


def test_it_is_presidios_engine(detector: Detector) -> None:
    results = detector._engine.analyze("write to anna@example.com", language="en")
    assert ("EMAIL_ADDRESS", 9, 25) in [(r.entity_type, r.start, r.end) for r in results]
    chinese = detector._engine.analyze("身份证11010519491231002X", language="zh")
    assert ("CN_RESIDENT_ID", 3, 21) in [(r.entity_type, r.start, r.end) for r in chinese]


def test_configuration_selects() -> None:
    text = "SSN 219-09-9999, card 4111 1111 1111 1111, 身份证11010519491231002X"
    ner = NerConfig(enabled=False)

    def entities(config: DetectorConfig) -> set[str]:
        return {span.entity for span in Detector(config).detect([text])[0]}

    assert {"US_SSN", "CREDIT_CARD", "CN_RESIDENT_ID"} <= entities(DetectorConfig(ner=ner))
    assert "CN_RESIDENT_ID" not in entities(DetectorConfig(ner=ner, countries=("us",)))
    assert "US_SSN" not in entities(DetectorConfig(ner=ner, countries=("cn",)))
    assert "CREDIT_CARD" not in entities(DetectorConfig(ner=ner, disabled=("CREDIT_CARD",)))
    versions = {Detector(c).version for c in (DetectorConfig(ner=ner), DetectorConfig(ner=ner, min_score=0.5))}
    assert len(versions) == 2


def test_a_missing_model_says_what_to_do() -> None:
    with pytest.raises(DetectorError, match=r"detector\.ner\.model"):
        Detector(DetectorConfig(ner=NerConfig(model="no/such/model")))


def test_detect_runs_on_the_calling_thread() -> None:
    names: list[str] = []

    class Watching(NamesModel):
        def predict(self, texts: Sequence[str]) -> list[list[Found]]:
            names.append(threading.current_thread().name)
            return [[] for _ in texts]

    Detector(DetectorConfig(), model=Watching()).detect(["x"])
    assert names == [threading.current_thread().name]

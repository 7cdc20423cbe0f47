"""What the model says: a recognizer that looks the findings up.

The model reads all texts of a ``detect`` call in one batch before any recognizer runs (Presidio's own batch
engine would run it text by text); the findings come here inside the reading. May import Presidio, ``reading``,
``figures``, ``nobody`` and ``no_names``; it does not know the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.figures import is_eponym
from detectors.reading import Reading
from detectors.recognizers.no_names import is_no_login, is_no_name
from detectors.recognizers.nobody import is_no_account, is_nobodys_number
from detectors.recognizers.strict import result_of


class ModelEntity(Protocol):
    """A stretch that the model labels."""

    @property
    def start(self) -> int:
        """First code point."""

    @property
    def end(self) -> int:
        """One past the last code point."""

    @property
    def label(self) -> str:
        """``PERSON``, ``ORGANIZATION``, ``LOCATION``, ``ADDRESS``, ``USERNAME``, ``DATE_OF_BIRTH``, ``AGE``, ``ID``."""

    @property
    def score(self) -> float:
        """Calibrated probability."""


class Model(Protocol):
    """What the detector needs of a NER model (``models.ner.inference.NerModel``)."""

    @property
    def version(self) -> str:
        """Names the weights."""

    def predict(self, texts: Sequence[str]) -> Sequence[Sequence[ModelEntity]]:
        """Findings of each text."""


LABELS = {
    "PERSON": "PERSON",
    "ORGANIZATION": "ORGANIZATION",
    "LOCATION": "LOCATION",
    "ADDRESS": "ADDRESS",
    "USERNAME": "USERNAME",
    "DATE_OF_BIRTH": "DATE_OF_BIRTH",
    "AGE": "AGE",
    "ID": "RECORD_ID",
}
"""The model's label -> entity. Labels that are not here are taken as they are."""


class NerRecognizer(EntityRecognizer):
    """Entities of the token-classification model."""

    def __init__(self) -> None:
        super().__init__(supported_entities=sorted(LABELS.values()), name="NerRecognizer", supported_language="en")

    def load(self) -> None:
        """Nothing to load: the detector owns the model."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The proposals of the reading, stripped, without those that are nobody's."""
        results = []
        for start, end, label, score in Reading.of(text, nlp_artifacts).proposals:
            while start < end and text[start].isspace():
                start += 1
            while end > start and text[end - 1].isspace():
                end -= 1
            if start < end and not _is_nobodys(label, text, start, end):
                results.append(result_of(self, LABELS.get(label, label), start, end, min(1.0, max(0.0, score))))
        return results


def _is_nobodys(label: str, text: str, start: int, end: int) -> bool:
    """True for a name that stands for a disease, a number that is a thing's, an account that is a program's."""
    if label == "PERSON":
        return is_eponym(text, start, end) or is_no_name(text, start, end)
    if label == "ID":
        return is_nobodys_number(text, start, end)
    return label == "USERNAME" and (is_no_account(text, start, end) or is_no_login(text, start, end))

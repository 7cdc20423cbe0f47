"""Presidio's analyzer by itself, timed. JSON ``{kind: [text]}`` in, ``{kind: CPU seconds}`` out (see ``detect.py``).

A process of its own that imports nothing of Coatcheck: Presidio finds recognizers by the names of all loaded classes,
and ours bear some of the same names. English defaults, a blank spaCy pipeline, nothing fetched.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine


def analyzer() -> AnalyzerEngine:
    """Presidio's defaults; the public suffix list is the packaged one."""
    logging.disable(logging.CRITICAL)
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    engine = SpacyNlpEngine(
        models=[{"lang_code": "en", "model_name": "blank"}], ner_model_configuration=NerModelConfiguration()
    )
    engine.nlp = {"en": spacy.blank("en")}
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])


def main() -> None:
    plain = analyzer()
    plain.analyze("warm up anna@example.com 4111 1111 1111 1111", "en")
    seconds: dict[str, float] = {}
    for kind, texts in json.load(sys.stdin).items():
        begun = time.process_time()
        for text in texts:
            plain.analyze(text, "en")
        seconds[kind] = time.process_time() - begun
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()

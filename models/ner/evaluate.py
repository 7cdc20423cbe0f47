"""Measures a model on labelled text: precision, recall and F1 per label, characters left uncovered per language.

Pure; imports ``decoding``, ``labels``, ``sources``. Two ways to count a hit, because they answer different questions:
*exact* (same span, same label) is what papers report; *overlap* (same label, at least one common character) is whether
something was seen at all. *Uncovered* is what matters to a gateway: the share of a label's characters that no entity of
any label covers, and that would have gone out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.ner.decoding import Entity
from models.ner.labels import IGNORE, LABELS
from models.ner.sources import Record

ALL = "all"


@dataclass(slots=True)
class Count:
    """Hits, false alarms and misses, and characters of the gold entities."""

    exact_hits: int = 0
    overlap_hits: int = 0
    seen: int = 0
    """Gold entities that some entity of the label overlaps."""
    predicted: int = 0
    gold: int = 0
    characters: int = 0
    uncovered: int = 0

    @staticmethod
    def _f1(precision: float, recall: float) -> float:
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    @property
    def exact(self) -> tuple[float, float, float]:
        """Precision, recall, F1 by exact match, 0 to 1."""
        precision, recall = _share(self.exact_hits, self.predicted), _share(self.exact_hits, self.gold)
        return precision, recall, self._f1(precision, recall)

    @property
    def overlap(self) -> tuple[float, float, float]:
        """Precision, recall, F1 by overlap, 0 to 1."""
        precision, recall = _share(self.overlap_hits, self.predicted), _share(self.seen, self.gold)
        return precision, recall, self._f1(precision, recall)

    @property
    def leak(self) -> float:
        """Share of the gold characters that nothing covers, 0 to 1."""
        return _share(self.uncovered, self.characters)


@dataclass(slots=True)
class Scores:
    """Counts by (language, label); language and label ``all`` hold the sums. Also false alarms in clean text."""

    counts: dict[tuple[str, str], Count] = field(default_factory=lambda: defaultdict(Count))
    clean_texts: int = 0
    clean_alarms: int = 0
    clean_characters: int = 0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def score(records: Iterable[Record], predicted: Iterable[Sequence[Entity]]) -> Scores:
    """Compare predictions with records, whose labels are the model's."""
    scores = Scores()
    for record, entities in zip(records, predicted, strict=True):
        ignored = [(start, end) for start, end, label in record.spans if label == IGNORE]
        gold = [span for span in record.spans if span[2] != IGNORE]
        counted = [
            entity
            for entity in entities
            if not any(entity.start < end and entity.end > start for start, end in ignored)
        ]
        if not record.spans:
            scores.clean_texts += 1
            scores.clean_alarms += len(entities)
            scores.clean_characters += len(record.text)
        covered = {place for entity in entities for place in range(entity.start, entity.end)}
        for language in (record.lang, ALL):
            _count(scores, language, record.text, gold, counted, covered)
    return scores


def _count(
    scores: Scores,
    language: str,
    text: str,
    gold: Sequence[tuple[int, int, str]],
    entities: Sequence[Entity],
    covered: set[int],
) -> None:
    exact = set(gold)
    for label in LABELS:
        ours = [entity for entity in entities if entity.label == label]
        theirs = [(start, end) for start, end, other in gold if other == label]
        for count in (scores.counts[language, label], scores.counts[language, ALL]):
            count.predicted += len(ours)
            count.gold += len(theirs)
            count.exact_hits += sum((entity.start, entity.end, label) in exact for entity in ours)
            count.overlap_hits += sum(
                any(entity.start < end and entity.end > start for start, end in theirs) for entity in ours
            )
            count.seen += sum(
                any(entity.start < end and entity.end > start for entity in ours) for start, end in theirs
            )
            places = [place for start, end in theirs for place in range(start, end) if not text[place].isspace()]
            count.characters += len(places)
            count.uncovered += sum(place not in covered for place in places)


def table(scores: Scores) -> str:
    """The scores as a Markdown table, in percent."""
    lines = [
        "| language | label | gold | exact P / R / F1 | overlap P / R / F1 | uncovered characters |",
        "| --- | --- | ---: | --- | --- | ---: |",
    ]
    languages = sorted({language for language, _ in scores.counts}, key=lambda name: (name != ALL, name))
    for language in languages:
        for label in (ALL, *LABELS):
            count = scores.counts.get((language, label))
            if count and count.gold:
                exact, overlap = (
                    " / ".join(f"{100 * part:.1f}" for part in triple) for triple in (count.exact, count.overlap)
                )
                lines.append(
                    f"| {language} | {label} | {count.gold} | {exact} | {overlap} | {100 * count.leak:.1f} % |"
                )
    if scores.clean_texts:
        per = 1000 * scores.clean_alarms / max(1, scores.clean_characters)
        lines.append("")
        lines.append(
            f"Texts without any entity: {scores.clean_texts}; false alarms in them: {scores.clean_alarms} "
            f"({per:.2f} per 1,000 characters)."
        )
    return "\n".join(lines)

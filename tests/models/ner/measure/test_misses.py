"""The list of misses: what stands in it, and what does not."""

from __future__ import annotations

from pathlib import Path

from models.ner.measure.misses import write
from models.ner.measure.readers import Finding
from models.ner.measure.run import Result
from models.ner.measure.sets import MarkedSet
from models.ner.sources import Record

TEXT = "Anna Bell\nin Rome, Bo and Al at 10.0.0.7, see June"
MARKS = ((0, 9, "PERSON"), (13, 17, "LOCATION"), (19, 21, "PERSON"), (26, 28, "PERSON"))
ANSWER = [
    Finding(0, 4, "PERSON", 0.9, "mask"),
    Finding(13, 17, "LOCATION", 0.9, "allow"),
    Finding(26, 28, "ORGANIZATION", 0.8, "allow"),
    Finding(32, 40, "IP_ADDRESS", 0.9, "mask"),
    Finding(46, 50, "PERSON", 0.7, "mask"),
]


def test_each_miss_and_false_alarm_is_a_line(tmp_path: Path) -> None:
    marked = MarkedSet("tiny", (Record(TEXT, MARKS, "en", "chat", ""),))
    path = tmp_path / "misses.tsv"
    assert write(path, [(marked, [Result("d", [ANSWER], {})])]) == 5
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line[0], line[5], line[6]) for line in lines] == [
        ("part missed", "PERSON", "PERSON 0.90"),
        ("allowed", "LOCATION", "LOCATION 0.90"),
        ("missed", "PERSON", "-"),
        ("allowed", "PERSON", "ORGANIZATION 0.80"),
        ("false alarm", "PERSON", "0.70"),  # the private address counts neither way
    ]
    assert lines[0][1:5] == ["tiny", "d", "en", "chat"]
    assert lines[0][7].startswith("[[Anna Bell]]⏎in Rome")

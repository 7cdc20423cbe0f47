"""How fast the detector reads, by language and kind of text, and where its time goes.

    python -m benchmarks.detect [--characters N] [--rounds N] [--json FILE]

In one run, on one thread, over the same texts: everything on; patterns only; the model alone; the bare ONNX session on
the very windows that the model fed it; Presidio's analyzer with its English defaults and a blank spaCy pipeline. Time
is the process's (CPU), the best of the rounds; texts are read one by one, none was seen before. Prose and logs are
those of ``tests/data/prompts`` and ``models``, source code is the running Python's standard library, JSON is made up.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from models.ner import negatives
from models.ner.inference import NerModel
from models.ner.sources import Record, read_prompts

PROMPTS = Path(__file__).parents[1] / "tests" / "data" / "prompts"
TEXT = 4_000
"""Code points of one text at most; prose is as long as its prompts are."""
NO_PROSE = frozenset(("code", "config", "log", "data", "docs", "git", "tool_result", "stack_trace"))
"""Kinds of prompts that are no prose."""
Texts = list[str]


@dataclass
class Row:
    """One kind of text. Rates are code points a second."""

    kind: str
    texts: int
    characters: int
    everything: float
    patterns: float
    patterns_share: float
    model_share: float
    rest_share: float
    model: float
    session: float
    presidio: float
    per_short_text_us: float
    """Microseconds for a text of 30 code points of this kind, patterns only."""


class RecordingSession:
    """An ONNX session that keeps what it was fed."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.feeds: list[Mapping[str, np.ndarray[Any, Any]]] = []

    def run(self, names: Any, feed: Mapping[str, np.ndarray[Any, Any]]) -> Any:
        """As the session does it."""
        self.feeds.append(feed)
        return self._session.run(names, feed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def fill(texts: Iterable[str], characters: int) -> Texts:
    """Texts until there are enough code points."""
    found: Texts = []
    left = characters
    for text in texts:
        if left <= 0:
            break
        found.append(text[:TEXT])
        left -= len(found[-1])
    return found


def prose(records: Sequence[Record], language: str) -> Iterable[str]:
    """Prompts of one language that are no code."""
    return (record.text for record in records if record.lang == language and record.kind not in NO_PROSE)


def code() -> Iterable[str]:
    """The standard library's sources, in pieces."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (text[start : start + TEXT] for start in range(0, min(len(text), 2 * TEXT), TEXT))


def payloads(generator: random.Random) -> Iterable[str]:
    """JSON as services log and tools return it: identifiers, times, measures."""
    while True:
        rows = [
            {
                "id": str(uuid.UUID(int=generator.getrandbits(128))),
                "createdAt": f"2026-{generator.randint(1, 12):02}-{generator.randint(1, 28):02}T08:15:00.250Z",
                "status": generator.choice(["active", "pending", "failed"]),
                "durationMs": generator.randint(1, 90_000),
                "ratio": round(generator.random(), 6),
                "tags": generator.sample(["blue", "batch", "eu-west", "retry", "v2.14.3", "canary"], 3),
                "build": {"sha": f"{generator.getrandbits(160):040x}", "number": generator.randint(1000, 99_999)},
            }
            for _ in range(8)
        ]
        yield json.dumps(rows, indent=generator.choice([None, 2]))


def corpora(characters: int) -> dict[str, Texts]:
    """The kinds of text and their texts; the same at each run."""
    generator = random.Random(20261124)
    records = list(read_prompts(PROMPTS))
    generator.shuffle(records)
    logs = (record.text for record in negatives.logs(generator, 100_000))
    return {
        "English prose": fill(prose(records, "en"), characters),
        "Chinese prose": fill(prose(records, "zh"), characters // 2),
        "source code": fill(code(), characters),
        "logs": fill(("\n".join(lines) for lines in zip(*[logs] * 6, strict=False)), characters),
        "JSON": fill(payloads(generator), characters),
    }


def presidio(texts: Mapping[str, Texts]) -> dict[str, float]:
    """CPU seconds of plain Presidio for each kind, in a process of its own (``plain_presidio``)."""
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("plain_presidio.py"))],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds: dict[str, float] = json.loads(answer.stdout)
    return seconds


def best[Item](rounds: int, work: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Seconds of CPU of the fastest round over all items."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        for item in items:
            work(item)
        times.append(time.process_time() - begun)
    return max(min(times), 1e-9)


def fed(network: NerModel, texts: Texts) -> list[Mapping[str, np.ndarray[Any, Any]]]:
    """What the model feeds its session for these texts."""
    session = network._session
    recorder = RecordingSession(session)
    network._session = recorder  # type: ignore[assignment]
    try:
        for text in texts:
            network.predict([text])
    finally:
        network._session = session
    return recorder.feeds


def run(characters: int, rounds: int, report: Callable[[str], None]) -> list[Row]:
    """All kinds; ``report`` is told of each step."""
    report("loading")
    network = NerModel.load(threads=1)
    whole = Detector(DetectorConfig(ner=NerConfig(threads=1)), model=network)
    patterns = Detector(DetectorConfig(ner=NerConfig(enabled=False)))
    whole.warm_up()
    patterns.warm_up()

    def detect_all(text: str) -> object:
        return whole.detect([text])

    def detect_patterns(text: str) -> object:
        return patterns.detect([text])

    def predict(text: str) -> object:
        return network.predict([text])

    def run_bare(feed: Any) -> object:
        return network._session.run(None, feed)

    texts_of = corpora(characters)
    report("Presidio")
    plain = presidio(texts_of)
    rows = []
    for kind, texts in texts_of.items():
        count = sum(map(len, texts))
        short = [text[place : place + 30] for text in texts for place in range(0, len(text), 300)][:300]
        report(f"{kind}: everything")
        everything = best(rounds, detect_all, texts)
        report(f"{kind}: patterns")
        alone = best(rounds, detect_patterns, texts)
        short_texts = best(rounds, detect_patterns, short)
        report(f"{kind}: model")
        model = best(rounds, predict, texts)
        session = best(rounds, run_bare, fed(network, texts))
        rest = max(0.0, everything - alone - model)
        rows.append(
            Row(
                kind,
                len(texts),
                count,
                count / everything,
                count / alone,
                alone / everything,
                model / everything,
                rest / everything,
                count / model,
                count / session,
                count / plain[kind],
                short_texts / len(short) * 1e6,
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """Markdown: rates in thousands of code points a second, and ratios."""
    lines = [
        "| text | code points | everything k/s | patterns k/s | share patterns / model / rest | model k/s |"
        " bare session k/s | everything : session | Presidio k/s | patterns : Presidio | 30 code points, patterns µs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines.extend(
        f"| {row.kind} | {row.characters:,} | {row.everything / 1e3:.0f} | {row.patterns / 1e3:.0f} "
        f"| {row.patterns_share:.0%} / {row.model_share:.0%} / {row.rest_share:.0%} | {row.model / 1e3:.0f} "
        f"| {row.session / 1e3:.0f} | {row.everything / row.session:.2f} | {row.presidio / 1e3:.0f} "
        f"| {row.patterns / row.presidio:.1f} | {row.per_short_text_us:.0f} |"
        for row in rows
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=60_000, help="code points of each kind (Chinese: half)")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=17)

        def report(what: str) -> None:
            progress.update(task, advance=1, description=what)

        rows = run(arguments.characters, arguments.rounds, report)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

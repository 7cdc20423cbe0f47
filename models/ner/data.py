"""Builds the training and development sets: open sets, prompts and their variants, templates, hard negatives.

Writes ``train.jsonl`` and ``dev.jsonl`` in the model's labels. Same inputs and seed, same bytes. The split is by whole
record, before any variant is made, so no variant of a development text is ever trained on.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError
from models.ner import negatives, own_data, progress, structured, synthesis
from models.ner.sources import Record, is_development, read_open_sets, read_prompts

TEMPLATES = Path(__file__).with_name("templates.txt")
PROMPTS = Path(__file__).with_name("prompts")
"""Marked-up prompts that come with the code, so that there is data without any other folder."""

SOURCES = "sources.json"
"""Texts by source, beside the training set: what a model's card says that it was trained on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How much of what goes into the training set."""

    variants: int = 12
    """Swapped variants of each training prompt, beside the prompt itself; half as many more for Chinese ones."""
    opens: float = 1.0
    """Share of the open sets' training texts."""
    per_template: int = 60
    """Fillings of each template."""
    code: int = 3500
    logs: int = 1200
    structured: int = 3000
    noise: float = 0.15
    """Share of texts that also come in another case, on one line, escaped, or as one line of them."""
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Built:
    """What was written: records and labelled values of each set."""

    train: Path
    dev: Path
    counts: dict[str, int]


def build(open_data: Path | None, out: Path, recipe: Recipe | None = None, labels: Path | None = None) -> Built:
    """Build from what comes with the code and from ``open_data``; write to ``out``.

    ``open_data`` may hold open sets (``*.jsonl.gz``), prompts (``*.txt``, ``prompts/*.txt``) and a company's own texts
    (``*.jsonl``, ``*.json``), whose label names ``labels`` maps; without a folder everything is made from the code's
    own texts. A company's texts are used like prompts: with variants, and a tenth held out.
    """
    recipe = recipe or Recipe()
    prompts = list(read_prompts(PROMPTS))
    opens: list[Record] = []
    if open_data is not None:
        theirs = [*read_prompts(open_data), *read_prompts(open_data / "prompts")]
        opens = list(read_open_sets(open_data))
        theirs += own_data.read(open_data, labels)
        if not theirs and not opens:
            raise ModelError(
                f"{open_data} holds no *.txt, prompts/*.txt, *.jsonl, *.json or *.jsonl.gz: give the data's folder"
            )
        prompts += theirs
    out.mkdir(parents=True, exist_ok=True)
    held_out = [record for record in (*prompts, *opens) if is_development(record)]
    train = list(_training(prompts, opens, recipe))
    counts = {"dev": _write(out / "dev.jsonl", held_out), "train": _write(out / "train.jsonl", train)}
    sources = dict(sorted(Counter(record.source for record in train).items()))
    (out / SOURCES).write_text(json.dumps(sources, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    counts.update(sources)
    return Built(out / "train.jsonl", out / "dev.jsonl", counts)


def _training(prompts: list[Record], opens: list[Record], recipe: Recipe) -> Iterator[Record]:
    rng = random.Random(recipe.seed)  # noqa: S311 - training data, not secrets
    prompts = [record for record in prompts if not is_development(record)]
    opens = [record for record in opens if not is_development(record) and rng.random() < recipe.opens]
    # The open sets know a hundred political parties for each shop or school: only some of their values.
    values = synthesis.Values.gather((*prompts, *(record for record in opens if rng.random() < 0.15)))
    templates = synthesis.read_templates(TEMPLATES)
    records: list[Record] = [*prompts, *opens, *(record for record in opens if record.lang == "zh")]
    for record in progress.shown(prompts, "variants", len(prompts)):
        variants = recipe.variants + recipe.variants // 2 * (record.lang == "zh")
        # A text without values has no variants: it only comes again, so that negatives keep their share.
        copies = variants if record.spans else variants // 2
        records += [synthesis.swapped(record, values, rng) for _ in range(copies)]
    records += [synthesis.filled(template, values, rng) for template in templates for _ in range(recipe.per_template)]
    records += negatives.code(rng, recipe.code)
    records += negatives.logs(rng, recipe.logs)
    records += structured.records(rng, recipe.structured)
    records += [synthesis.noisy(record, rng) for record in records if rng.random() < recipe.noise]
    rng.shuffle(records)
    yield from records


def _write(path: Path, records: Iterable[Record]) -> int:
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            mapped = record.in_model_labels()
            row = {
                "text": mapped.text,
                "spans": mapped.spans,
                "lang": mapped.lang,
                "kind": mapped.kind,
                "source": mapped.source,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            written += 1
    return written


def read_sources(built: Path) -> dict[str, int]:
    """How many texts of which source the training set holds; empty for sets built before this was kept."""
    path = built / SOURCES
    found: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def read(path: Path) -> list[Record]:
    """A set that :func:`build` wrote."""
    if not path.is_file():
        raise ModelError(f"{path} does not exist: build the data first (coatcheck models data)")
    records = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            spans = tuple((start, end, label) for start, end, label in row["spans"])
            records.append(Record(row["text"], spans, row["lang"], row["kind"], row["source"]))
    return records

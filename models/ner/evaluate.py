"""Measures detectors on marked text: what ``coatcheck models evaluate`` does.

Reads sets, asks each detector, compares, and hands tables on. The work is in ``measure``; here it is put in order. May
not import detectors: the whole detector is asked as any other is, through a command that speaks JSON lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from models.errors import ModelError
from models.ner.measure import misses, report, sets
from models.ner.measure.readers import CommandReader, ModelReader, Reader, StoredReader, named
from models.ner.measure.run import Result, measure
from models.ner.measure.sets import MarkedSet


@dataclass(frozen=True, slots=True)
class Detectors:
    """What to measure, each ``NAME=WHAT`` or ``WHAT``: commands first, then models, then stored answers."""

    commands: Sequence[str] = ()
    models: Sequence[str] = ()
    stored: Sequence[str] = ()

    def readers(self) -> list[Reader]:
        """Ready to be asked; the default model where nothing is named. Raises :class:`ModelError`."""
        found: list[Reader] = [CommandReader(*named(command)) for command in self.commands]
        found += [ModelReader(*named(model)) for model in self.models]
        found += [StoredReader(name, Path(file)) for name, file in map(named, self.stored)]
        found = found or [ModelReader("model", None)]
        names = [reader.name for reader in found]
        if len(set(names)) < len(names):
            raise ModelError("two detectors have the same name: tell them apart with NAME=...")
        return found


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write; None: not written."""

    json: Path | None = None
    markdown: Path | None = None
    misses: Path | None = None


def evaluate(
    data: Sequence[str], detectors: Detectors, tell: Callable[[str], None], *, speed: bool = True
) -> list[tuple[MarkedSet, list[Result]]]:
    """Measure every detector on every set in ``data`` (each ``NAME=PATH`` or ``PATH``).

    ``tell`` is told what is going on; ``speed`` asks a second time about the first set, for the speed. Raises
    :class:`ModelError`.
    """
    chosen = [marked for argument in data for marked in _sets(argument)]
    stored = [name for name, _ in map(named, detectors.stored)]
    if stored and len(chosen) > 1:
        raise ModelError("stored answers belong to one set: give one --data that holds one set")
    readers = detectors.readers()
    measured: list[tuple[MarkedSet, list[Result]]] = []
    for number, marked in enumerate(chosen):
        results = []
        for reader in readers:
            tell(f"{marked.name}: asking {reader.name} about {len(marked.records)} texts")
            results.append(measure(reader, marked, speed=speed and number == 0))
        measured.append((marked, results))
    return measured


def _sets(argument: str) -> list[MarkedSet]:
    name, path = named(argument)
    found = sets.read(Path(path))
    return [MarkedSet(name, marked.records) for marked in found] if name != path and len(found) == 1 else found


def write(
    measured: Sequence[tuple[MarkedSet, Sequence[Result]]], outputs: Outputs, day: date, tell: Callable[[str], None]
) -> str:
    """Write the files; the tables, for the terminal. Raises :class:`ModelError` where a file cannot be written."""
    tables = report.markdown(measured, day=day)
    try:
        if outputs.json is not None:
            report.write_json(outputs.json, measured)
            tell(f"wrote {outputs.json}")
        if outputs.markdown is not None:
            report.write_markdown(outputs.markdown, tables)
            tell(f"wrote {outputs.markdown}")
        if outputs.misses is not None:
            tell(f"wrote {outputs.misses}: {misses.write(outputs.misses, measured)} lines that quote the data")
    except OSError as error:
        raise ModelError(f"cannot write {error.filename}: {error.strerror}") from None
    return tables

"""``coatcheck detect``: find sensitive text in files from the command line.

Reads JSONL (``--jsonl``) or plain text; writes spans, or with ``--masked`` the text with each span replaced by
its entity. Nothing is
sent anywhere. May import ``config``, ``detector``.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.spans import Span

app = typer.Typer(help="Find sensitive text.", no_args_is_help=False)

BATCH_LINES = 64
"""Lines of JSONL that one run of the detector takes."""


class BadLine(Exception):
    """A line of the input cannot be read; names the line, never quotes it."""


def masked(text: str, spans: Sequence[Span]) -> str:
    """``text`` with each span replaced by ``<ENTITY>``, from the end so that offsets stay right."""
    for span in reversed(spans):
        text = f"{text[: span.start]}<{span.entity}>{text[span.end :]}"
    return text


def as_dict(span: Span) -> dict[str, Any]:
    """A span as the output shows it: offsets in code points."""
    return {
        "start": span.start,
        "end": span.end,
        "entity": span.entity,
        "score": round(span.score, 4),
        "recognizer": span.recognizer,
    }


def parse_line(line: str, number: int) -> tuple[Any, str]:
    """``(id, text)`` of one JSONL line. Raises BadLine."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine(f"line {number} is not JSON") from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise BadLine(f'line {number} has no "text" string')
    return record.get("id", number), record["text"]


def _json_line(record: dict[str, Any]) -> str:
    """One line; characters that UTF-8 cannot hold (lone surrogates) stay escaped, as they came."""
    line = json.dumps(record, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(record)
    return line + "\n"


def run_jsonl(detector: Detector, lines: Iterator[str], out: TextIO, *, mask: bool, advance: Any = None) -> None:
    """Detect line by line, in order, in batches. What precedes a bad line is written before BadLine is raised."""
    batch: list[tuple[Any, str]] = []

    def write() -> None:
        for (identity, text), spans in zip(batch, detector.detect([text for _, text in batch]), strict=True):
            record: dict[str, Any] = {"id": identity, "spans": [as_dict(span) for span in spans]}
            if mask:
                record["text"] = masked(text, spans)
            out.write(_json_line(record))
        if advance is not None:
            advance(len(batch))
        batch.clear()

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            batch.append(parse_line(line, number))
        except BadLine:
            write()
            raise
        if len(batch) == BATCH_LINES:
            write()
    write()
    out.flush()


def table_of(text: str, spans: Sequence[Span]) -> Table:
    """A readable table: line, column, entity, score, recognizer and the text found."""
    table = Table("line", "column", "entity", "score", "recognizer", "text")
    for span in spans:
        line = text.count("\n", 0, span.start)
        column = span.start - (text.rfind("\n", 0, span.start) + 1)
        found = text[span.start : span.end].replace("\n", "⏎").encode("utf-8", "replace").decode("utf-8")
        table.add_row(
            str(line + 1),
            str(column + 1),
            span.entity,
            f"{span.score:.2f}",
            span.recognizer,
            found if len(found) <= 60 else found[:57] + "...",
        )
    return table


@contextlib.contextmanager
def _input(path: str) -> Iterator[TextIO]:
    if path == "-":
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        yield stream


def _total_lines(path: str) -> int | None:
    if path == "-":
        return None
    with Path(path).open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def _fail(console: Console, message: str, code: int) -> typer.Exit:
    console.print(f"coatcheck detect: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


@app.command("detect")
def detect(
    file: Annotated[str, typer.Argument(help="File to read; - is standard input.")] = "-",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines {"id", "text"} in, lines {"id", "spans"} out, in order.')
    ] = False,
    mask: Annotated[bool, typer.Option("--masked", help="Show the text with each span replaced by <ENTITY>.")] = False,
    patterns_only: Annotated[
        bool, typer.Option("--patterns-only", help="Without the model: no names, no organizations.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="NER model: name or folder.")] = None,
) -> None:
    """Find sensitive text in FILE. Exit status: 0 done, 1 the detector failed, 2 the input cannot be read."""
    errors = Console(stderr=True)
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        detector = Detector(DetectorConfig(ner=NerConfig(enabled=not patterns_only, model=model)))
        with _input(file) as stream:
            if jsonl:
                _jsonl(detector, file, stream, errors, mask=mask)
                return
            text = stream.read()
        spans = detector.detect([text])[0]
    except BadLine as error:
        raise _fail(errors, f'{error}; lines before it are done. Expected {{"id": ..., "text": "..."}}', 2) from None
    except DetectorError as error:
        raise _fail(errors, str(error), 1) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None
    except OSError as error:
        raise _fail(errors, f"cannot read {file}: {error.strerror}", 2) from None
    if mask:
        sys.stdout.write(masked(text, spans))
        return
    Console().print(table_of(text, spans) if spans else "nothing found", markup=False)


def _jsonl(detector: Detector, file: str, stream: TextIO, errors: Console, *, mask: bool) -> None:
    columns = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as progress:
        task = progress.add_task("detecting", total=_total_lines(file))
        run_jsonl(detector, iter(stream), sys.stdout, mask=mask, advance=lambda count: progress.advance(task, count))


if __name__ == "__main__":
    app()

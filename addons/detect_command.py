"""``coatcheck detect``: what the detector finds in files, and what the site's policy would do with it.

Composition: the settings name detector and policy, ``detectors`` finds and shows. Nothing is sent anywhere. The
detector takes seconds to import, so a wrong command line is refused before.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from addons.config_errors import did_you_mean
from addons.detect_policy import SitePolicy
from addons.policy.entities import KNOWN_ENTITIES
from addons.settings import Settings
from addons.terminal import ConfigOption, fail, settings_from, stderr, warn
from detectors import files as reading
from detectors.config import DetectorConfig
from detectors.spans import Span

if TYPE_CHECKING:
    from rich.progress import Progress

    from detectors.detector import Detector
    from detectors.reports import Report

FOUND = 1
"""Exit status with ``--fail`` when something does not go out as it is."""
BAD_INPUT = 2
FAILED = 3
"""Exit status when the detector cannot answer."""
PIPE_CLOSED = 141
"""What a shell says of a program that SIGPIPE ended."""


def detect(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files or folders; - is standard input.", metavar="[FILE]...")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines {"id", "text"} in, lines {"id", "spans"} out, in order.')
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document: places and types, no values.")] = False,
    masked: Annotated[
        bool, typer.Option("--masked", help="The text with <ENTITY> in place of what the policy masks.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each finding how it came about.")] = False,
    entities: Annotated[
        str | None, typer.Option(help="Only these, separated by commas; * and ? are wild.", metavar="NAMES")
    ] = None,
    min_score: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Only from this score on.")] = None,
    no_text: Annotated[bool, typer.Option("--no-text", help="Places and types only: no value is printed.")] = False,
    fail_: Annotated[bool, typer.Option("--fail", help="Exit with 1 if anything is masked, for CI.")] = False,
    config: ConfigOption = None,
    patterns_only: Annotated[
        bool, typer.Option("--patterns-only", help="Without the model: no names, no organizations.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="NER model: name or folder.")] = None,
    no_cascade: Annotated[
        bool, typer.Option("--no-cascade", help="Let the model read everything, not only where names may be.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option(help="Of the files, e.g. gb18030. Default: UTF-8, or UTF-16 with its mark.")
    ] = None,
    binary: Annotated[bool, typer.Option("--binary", help="Read files that look like no text, too.")] = False,
) -> None:
    """Find sensitive text, and say what the policy does with it.

    Exit status: 0 done; 1 with --fail, if anything is masked, rerouted or blocked; 2 input that cannot be read;
    3 the detector cannot answer.
    """
    paths = paths or [reading.STDIN]
    _refuse_mixtures(paths, jsonl=jsonl, json_=json_, masked=masked, explain=explain)
    if encoding is not None and not reading.known_encoding(encoding):
        fail(f"--encoding: there is no text encoding {encoding}.", BAD_INPUT)
    settings = settings_from(config, {})
    policy = SitePolicy(settings.policy, settings.tenant)
    wanted = _filter(entities, min_score, KNOWN_ENTITIES | settings.detector.own_entities)
    made = detector_config(
        settings, patterns_only=patterns_only, model=model, cascade=not no_cascade, min_score=min_score
    )
    if paths == [reading.STDIN] and sys.stdin.isatty():
        stderr.print("[dim]reading standard input; Ctrl-D ends it[/dim]")
    detector = build_detector(made, explain=explain)
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        if jsonl:
            held, status = _jsonl(detector, paths[0], policy, wanted, only_masked=masked)
        else:
            report, status = _report(detector, paths, policy, wanted, encoding=encoding, binary=binary)
            held = report.held
            if json_:
                report.write_json(sys.stdout, masked=masked)
            elif masked:
                report.write_masked(sys.stdout)
            else:
                report.show(sys.stdout, text=not no_text, explain=explain)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on. Without this the interpreter would complain when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None
    raise typer.Exit(status or (FOUND if fail_ and held else 0))


def _refuse_mixtures(paths: Sequence[str], *, jsonl: bool, json_: bool, masked: bool, explain: bool) -> None:
    if jsonl and json_:
        fail("--jsonl and --json are two formats; choose one.", BAD_INPUT)
    if explain and (jsonl or (masked and not json_)):
        fail("--explain goes with the text or with --json.", BAD_INPUT)
    one = len(paths) == 1 and (paths[0] == reading.STDIN or not Path(paths[0]).is_dir())
    if (jsonl or (masked and not json_)) and not one:
        fail(f"{'--jsonl' if jsonl else '--masked'} takes one FILE.", BAD_INPUT)


def _filter(entities: str | None, min_score: float | None, known: Collection[str]) -> Callable[[Span], bool]:
    """Which findings are meant; warns of names that no recognizer knows."""
    names = [name.strip().upper() for name in (entities or "*").split(",") if name.strip()]
    for name in names:
        if not any(fnmatchcase(entity, name) for entity in known):
            warn(f"--entities: no recognizer finds {name}{did_you_mean(name, known)}")
    floor = min_score or 0.0
    return lambda span: span.score >= floor and any(fnmatchcase(span.entity, name) for name in names)


def detector_config(
    settings: Settings, *, patterns_only: bool, model: str | None, cascade: bool, min_score: float | None
) -> DetectorConfig:
    """The site's detector with what the command line says laid over it."""
    ner: dict[str, Any] = {}
    if patterns_only:
        ner["enabled"] = False
    if model is not None:
        ner["model"] = model
    if not cascade:
        ner["cascade"] = False
    changes: dict[str, Any] = {"ner": settings.detector.ner.model_copy(update=ner)}
    if min_score is not None:
        changes["min_score"] = min(min_score, settings.detector.min_score)
    return settings.detector.model_copy(update=changes)


def build_detector(config: DetectorConfig, *, explain: bool = False) -> Detector:
    """The detector; leaves with a message if there is none."""
    from detectors.detector import Detector
    from detectors.errors import DetectorError

    try:
        if explain:
            from detectors.explaining import ExplainingDetector

            return ExplainingDetector(config)
        return Detector(config)
    except DetectorError as error:
        fail(str(error), FAILED)


def _report(
    detector: Detector,
    paths: Sequence[str],
    policy: SitePolicy,
    wanted: Callable[[Span], bool],
    *,
    encoding: str | None,
    binary: bool,
) -> tuple[Report, int]:
    """What is in the files, and 2 or 3 if some of them could not be read or answered for."""
    from detectors.errors import DetectorError
    from detectors.pieces import detect_all
    from detectors.reports import Report

    report = Report(detector.version, policy.actions, policy.why, wanted)
    status = 0

    def sources(progress: Progress) -> Iterator[tuple[reading.Source, str]]:
        nonlocal status
        for path in reading.walk(paths):
            try:
                source = reading.read(path, encoding=encoding, binary=binary)
            except reading.Unread as error:
                report.left_out(path, str(error))
                if not isinstance(error, reading.Binary) or [path] == list(paths):
                    status = max(status, BAD_INPUT)
                warn(f"{path}: {error}") if isinstance(error, reading.Binary) else complain(path, str(error))
                continue
            if source.strange_bytes:
                warn(f"{source.name}: {_strange(source, encoding)}")
            progress.update(task, total=(progress.tasks[0].total or 0) + len(source.text))
            yield source, source.text

    with _progress("characters") as progress:
        task = progress.add_task("detecting", total=0)
        for source, text, answer in detect_all(detector, sources(progress), lambda done: progress.advance(task, done)):
            if isinstance(answer, DetectorError):
                report.left_out(source.name, str(answer))
                complain(source.name, str(answer))
                status = FAILED
            else:
                report.add(source.name, text, answer)
    return report, status


def complain(name: str, message: str) -> None:
    """Say on stderr what is wrong with one file, and go on."""
    from rich.text import Text

    stderr.print(Text.assemble(("coatcheck: ", "bold red"), f"{name}: {message}"))


def _strange(source: reading.Source, encoding: str | None) -> str:
    said = f"{source.strange_bytes:,} bytes are no {encoding or 'UTF-8'}; names around them may be missed"
    return said + (f"; try --encoding {source.hint}" if source.hint else "")


@contextlib.contextmanager
def _lines(path: str) -> Iterator[TextIO]:
    if path == reading.STDIN:
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        yield stream


def _jsonl(
    detector: Detector, path: str, policy: SitePolicy, wanted: Callable[[Span], bool], *, only_masked: bool
) -> tuple[int, int]:
    from detectors.errors import DetectorError
    from detectors.jsonl import BadLine, run_jsonl

    def stop(message: str, status: int) -> NoReturn:
        fail(f"{message}; lines before it are done.", status)

    try:
        with _lines(path) as lines, _progress("lines") as progress:
            task = progress.add_task("detecting", total=reading.count_lines(path))
            held = run_jsonl(
                detector,
                lines,
                sys.stdout,
                policy.actions,
                only_masked=only_masked,
                wanted=wanted,
                advance=lambda count: progress.advance(task, count),
            )
        return held, 0
    except BadLine as error:
        stop(f'{error}, expected {{"id": ..., "text": "..."}}', BAD_INPUT)
    except DetectorError as error:
        stop(str(error), FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"{path}: {(error.strerror or 'input/output error').lower()}", BAD_INPUT)


def _progress(unit: str) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())
    return Progress(*columns, console=stderr, disable=not stderr.is_terminal, transient=True)

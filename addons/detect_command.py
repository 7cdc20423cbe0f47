"""``coatcheck detect``: what the detector finds in files, and what the site's policy would do with it.

Composition: the settings name detector and policy, ``detectors`` finds and shows. Nothing is sent anywhere. The
detector takes a second to import, so a wrong command line is refused before.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from pydantic import ValidationError

from addons.detect_policy import SitePolicy
from addons.settings import Settings
from addons.terminal import ConfigOption, fail, settings_from, stderr
from detectors.config import DetectorConfig, NerConfig

if TYPE_CHECKING:
    from detectors.detector import Detector

FAILED = 3
"""Exit status when the detector cannot answer."""


def build_detector(config: DetectorConfig) -> Detector:
    """The detector, or why there is none."""
    from detectors.detector import Detector
    from detectors.errors import DetectorError

    try:
        return Detector(config)
    except DetectorError as error:
        fail(str(error), FAILED)


def detector_config(
    settings: Settings, *, patterns_only: bool, model: str | None, cascade: bool, min_score: float | None
) -> DetectorConfig:
    """The site's detector with what the command line says laid over it."""
    ner: dict[str, Any] = {}
    if patterns_only:
        ner["enabled"] = False
    if model is not None:
        ner["model"] = model
    if not cascade and "cascade" in NerConfig.model_fields:
        ner["cascade"] = False
    changes: dict[str, Any] = {"ner": settings.detector.ner.model_copy(update=ner)}
    if min_score is not None:
        changes["min_score"] = min(min_score, settings.detector.min_score)
    try:
        return DetectorConfig.model_validate(settings.detector.model_copy(update=changes).model_dump())
    except ValidationError:
        fail("--min-score should lie between 0 and 1.", 2)


def detect(
    file: Annotated[str, typer.Argument(help="File to read; - is standard input.")] = "-",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines {"id", "text"} in, lines {"id", "spans"} out, in order.')
    ] = False,
    masked: Annotated[
        bool, typer.Option("--masked", help="Show the text with each masked span replaced by <ENTITY>.")
    ] = False,
    config: ConfigOption = None,
    patterns_only: Annotated[
        bool, typer.Option("--patterns-only", help="Without the model: no names, no organizations.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="NER model: name or folder.")] = None,
    no_cascade: Annotated[bool, typer.Option("--no-cascade", help="Let the model read everything.")] = False,
) -> None:
    """Find sensitive text, and what the policy does with it."""
    settings = settings_from(config, {})
    made = detector_config(settings, patterns_only=patterns_only, model=model, cascade=not no_cascade, min_score=None)
    policy = SitePolicy(settings.policy, settings.tenant)
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    detector = build_detector(made)
    if jsonl:
        _jsonl(detector, file, policy, only_masked=masked)
    else:
        _text(detector, file, policy, only_masked=masked)


def _text(detector: Detector, path: str, policy: SitePolicy, *, only_masked: bool) -> None:
    from rich.console import Console

    from detectors.cli import table_of
    from detectors.errors import DetectorError
    from detectors.jsonl import ALLOW, masked

    try:
        with _lines(path) as stream:
            text = stream.read()
        spans = detector.detect([text])[0]
    except DetectorError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"cannot read {path}: {(error.strerror or 'input/output error').lower()}", 2)
    if only_masked:
        kept = [span for span, action in zip(spans, policy.actions(text, spans), strict=True) if action != ALLOW]
        sys.stdout.write(masked(text, kept))
        return
    Console().print(table_of(text, spans) if spans else "nothing found", markup=False)


@contextlib.contextmanager
def _lines(path: str) -> Iterator[TextIO]:
    if path == "-":
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        yield stream


def _jsonl(detector: Detector, path: str, policy: SitePolicy, *, only_masked: bool) -> int:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from detectors.errors import DetectorError
    from detectors.jsonl import BadLine, run_jsonl

    columns = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with (
            _lines(path) as lines,
            Progress(*columns, console=stderr, disable=not stderr.is_terminal, transient=True) as progress,
        ):
            task = progress.add_task("detecting", total=None)
            return run_jsonl(
                detector,
                lines,
                sys.stdout,
                policy.actions,
                only_masked=only_masked,
                advance=lambda count: progress.advance(task, count),
            )
    except BadLine as error:
        fail(f'{error}; lines before it are done. Expected {{"id": ..., "text": "..."}}', 2)
    except DetectorError as error:
        fail(f"{error}; lines before it are done", FAILED)
    except BrokenPipeError:
        # Nobody reads on. Without this the interpreter would complain when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except OSError as error:
        fail(f"cannot read {path}: {(error.strerror or 'input/output error').lower()}", 2)

"""Asks detectors: the model alone, an external command that speaks JSON lines, or a file of stored answers.

Every answer becomes :class:`Finding`. The command gets one core; its standard error, which might quote the text, is
thrown away. Imports ``inference``, ``classes``, ``errors``.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.errors import ModelError
from models.ner.measure.classes import default_action

_NAMED = re.compile(r"([A-Za-z][\w.+ -]*)=(.+)", re.DOTALL)
_TELLING = 0.1
"""A command that needs less than this share of its start has no speed that stands out from the start's variation."""

_WARM_UP = ("Anna Kowalski, 12 High Street", "王小明住在北京市海淀区中关村大街1号")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says of a piece of text; offsets in code points."""

    start: int
    end: int
    entity: str
    score: float
    action: str

    @property
    def masked(self) -> bool:
        """Whether the value would not go out: masked, or the request blocked or rerouted."""
        return self.action != "allow"


Answer = list[Finding]


class Reader(Protocol):
    """A detector that can be measured."""

    @property
    def name(self) -> str:
        """Stands at the head of its column."""

    def read(self, texts: Sequence[str]) -> tuple[list[Answer], float | None]:
        """An answer for each text, and the processor seconds that they took; None where that is not known."""


class ModelReader:
    """The NER model alone, on one thread."""

    def __init__(self, name: str, model: str | None) -> None:
        from models.ner.inference import NerModel

        self.name = name
        self._model = NerModel.load(model, threads=1)
        self._model.warm_up()

    def read(self, texts: Sequence[str]) -> tuple[list[Answer], float | None]:
        """Processor time of this process."""
        began = time.process_time()
        found = self._model.predict(texts)
        took = time.process_time() - began
        return [
            [Finding(one.start, one.end, one.label, one.score, default_action(one.label)) for one in entities]
            for entities in found
        ], took


class CommandReader:
    """A command that reads lines ``{"id", "text"}`` and writes lines ``{"id", "spans"}``.

    A span has ``start``, ``end``, ``entity`` and may have ``score`` and ``action``; without an action the default
    policy's is taken.
    """

    def __init__(self, name: str, command: str) -> None:
        self.name = name
        self._command = shlex.split(command)
        if not self._command:
            raise ModelError(f"the command of {name!r} is empty")
        self._startup: float | None = None

    def read(self, texts: Sequence[str]) -> tuple[list[Answer], float | None]:
        """Processor time of the command, less that of a start with two short texts; None where the start drowns it."""
        if self._startup is None:
            self._startup = self._run(_WARM_UP)[1]
        answers, took = self._run(texts)
        rest = took - self._startup
        return answers, rest if rest > _TELLING * self._startup else None

    def _run(self, texts: Sequence[str]) -> tuple[list[Answer], float]:
        lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
        before = _children()
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, no shell
                self._command,
                input=lines,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                check=False,
                env={**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")},
                preexec_fn=_one_core,
            )
        except OSError as error:
            raise ModelError(f"cannot run the command of {self.name!r}: {error.strerror}") from None
        if done.returncode:
            raise ModelError(
                f"the command of {self.name!r} ended with exit status {done.returncode}: run it by hand on one line"
            )
        return parse(done.stdout.splitlines(), texts, f"{self.name!r}"), _children() - before


class StoredReader:
    """Answers in a file, as a command would have written them; lines are matched with texts by ``id``."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        try:
            self._lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror}") from None

    def read(self, texts: Sequence[str]) -> tuple[list[Answer], float | None]:
        """The ids must be the places of the texts, counted from 0."""
        return parse(self._lines, texts, self._path.name), None


def parse(lines: Iterable[str], texts: Sequence[str], source: str) -> list[Answer]:
    """Answers to ``texts`` by ``id``. Raises :class:`ModelError` naming ``source`` and line."""
    answers: dict[int, Answer] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            identity = int(row["id"])
            if not 0 <= identity < len(texts):
                raise ValueError
            answers[identity] = [_finding(span, len(texts[identity])) for span in row["spans"]]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ModelError(
                f'{source}, line {number}: expected {{"id": 0, "spans": [{{"start", "end", "entity"}}, ...]}} with an '
                "id that was asked for and offsets inside its text"
            ) from None
    missing = [number for number in range(len(texts)) if number not in answers]
    if missing:
        raise ModelError(
            f"{source}: no answer to {len(missing)} of {len(texts)} texts, the first of them id {missing[0]}"
        )
    return [answers[number] for number in range(len(texts))]


def _finding(span: dict[str, Any], length: int) -> Finding:
    start, end, entity = int(span["start"]), int(span["end"]), str(span["entity"])
    if not 0 <= start < end <= length:
        raise ValueError
    score = span.get("score")
    return Finding(
        start, end, entity, 1.0 if score is None else float(score), span.get("action") or default_action(entity)
    )


def named(argument: str) -> tuple[str, str]:
    """``NAME=WHAT`` or ``WHAT``, which is then its own name."""
    match = _NAMED.fullmatch(argument)
    return (match[1], match[2]) if match else (argument, argument)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

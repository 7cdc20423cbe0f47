"""What was found in files, gathered and then written: for people, as JSON, or as masked text.

What the policy does and why is asked of two functions; this room does not know policies. May import rich, ``jsonl``,
``showing``, ``spans``.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console

from detectors.jsonl import ALLOW, Actions, as_dict, as_line, masked
from detectors.showing import Finding, Lines, Shower, counted, findings_of, reasons, summary, visible
from detectors.spans import Span

type Whys = Callable[[str, Sequence[Span]], Sequence[str]]
"""For each span, what in the policy decides what becomes of it."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One text with its findings."""

    name: str
    lines: Lines
    spans: Sequence[Span]
    """All that were found, whether asked for or not: rules may count them."""
    findings: Sequence[Finding]
    """Those asked for."""


class Report:
    """What was found, file by file."""

    def __init__(self, detector: str, actions: Actions, whys: Whys, wanted: Callable[[Span], bool]) -> None:
        """``detector`` names rules and model."""
        self._detector = detector
        self._actions = actions
        self._whys = whys
        self._wanted = wanted
        self._files: list[FileReport] = []
        self._left_out: list[tuple[str, str]] = []

    def add(self, name: str, text: str, spans: Sequence[Span]) -> None:
        """A text that was read, with its spans in order."""
        lines = Lines(text)
        findings = [f for f in findings_of(lines, spans, self._actions(text, spans)) if self._wanted(f.span)]
        self._files.append(FileReport(name, lines, spans, findings))

    def left_out(self, name: str, reason: str) -> None:
        """A file that was not read."""
        self._left_out.append((name, reason))

    @property
    def findings(self) -> list[Finding]:
        """All of them."""
        return [finding for file in self._files for finding in file.findings]

    @property
    def held(self) -> int:
        """How many do not go out as they are."""
        return sum(finding.action != ALLOW for finding in self.findings)

    def show(self, out: TextIO, *, text: bool = True, explain: bool = False) -> None:
        """For people. ``text``: with the text itself; of several files, the lines that hold findings."""
        shower = Shower(Console(file=out, highlight=False))
        several = len(self._files) + len(self._left_out) > 1
        for file in self._files:
            if several:
                if not file.findings:
                    continue
                shower.print((visible(file.name), "bold underline" if shower.colours else ""))
            if text:
                shower.text(file.lines, file.findings, everything=not several)
                if file.findings:
                    shower.print()
            if file.findings and not several and text:
                shower.legend(file.findings)
                shower.print()
            if file.findings:
                shower.table(file.findings)
                shower.print()
            if explain:
                self._explain(shower, file)
        if several and text:
            shower.legend(self.findings)
        tail = f"{counted(len(self._files), 'file')}, " if several else ""
        skipped = f", {counted(len(self._left_out), 'file')} not read" if self._left_out else ""
        if self._files or not self._left_out:
            shower.print(f"{tail}{summary(self.findings)}{skipped}")

    def _explain(self, shower: Shower, file: FileReport) -> None:
        for finding, why in zip(file.findings, self._why(file), strict=True):
            shower.explained(finding, list(reasons(finding, why)))
            shower.print()

    def _why(self, file: FileReport) -> list[str]:
        whys = dict(zip(file.spans, self._whys(file.lines.text, file.spans), strict=True))
        return [whys[finding.span] for finding in file.findings]

    def write_masked(self, out: TextIO) -> None:
        """The text of the file with what does not go out replaced; on a terminal, control characters are signs."""
        for file in self._files:
            text = masked(file.lines.text, (f.span for f in file.findings if f.action != ALLOW))
            out.write("\n".join(map(visible, text.split("\n"))) if out.isatty() else text)

    def write_json(self, out: TextIO, *, masked: bool = False) -> None:
        """One document; it holds no value, but for the masked text, which holds what is not masked."""
        counts = Counter(finding.action for finding in self.findings)
        document = {
            "detector": self._detector,
            "files": [self._file_json(file, with_text=masked) for file in self._files],
            "not_read": [{"file": name, "reason": reason} for name, reason in self._left_out],
            "counts": dict(sorted(counts.items())),
        }
        out.write(as_line(document, indent=2))

    def _file_json(self, file: FileReport, *, with_text: bool) -> dict[str, Any]:
        from detectors.explaining import explanation_of

        whys = self._why(file) if any(explanation_of(finding.span) for finding in file.findings) else None
        found = []
        for index, finding in enumerate(file.findings):
            one = as_dict(finding.span, finding.action) | {"line": finding.line, "column": finding.column}
            told = explanation_of(finding.span)
            if whys is not None:
                one["why"] = whys[index]
            if told is not None:
                one["explanation"] = dataclasses.asdict(told)
            found.append(one)
        record: dict[str, Any] = {"file": file.name, "findings": found}
        if with_text:
            record["text"] = masked(file.lines.text, (f.span for f in file.findings if f.action != ALLOW))
        return record

"""Findings for people: the text with colours or brackets, a table, a summary, explanations. Writes; decides nothing.

Whatever the text holds is shown as text: control and direction characters become visible signs, markup is not read.
May import rich, ``explaining``, ``spans``.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from detectors.families import ALLOWED, MASKED, Family, family_of
from detectors.spans import Span

ALLOW = "allow"
LONG_LINE = 2_000
"""Code points; of a longer line only what surrounds findings is shown."""
AROUND = 60
_ACTION_STYLES = {"allow": "green", "mask": "yellow", "reroute": "cyan", "block": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A span, where it stands for people, and what becomes of it."""

    span: Span
    action: str
    line: int
    """From 1."""
    column: int
    """From 1, in code points."""

    @property
    def place(self) -> str:
        """``line:column``."""
        return f"{self.line}:{self.column}"


class Lines:
    """Where the lines of a text begin. A line ends with ``\\n``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        at = text.find("\n")
        while at >= 0:
            self.starts.append(at + 1)
            at = text.find("\n", at + 1)
        if len(self.starts) > 1 and self.starts[-1] == len(text):
            self.starts.pop()  # what ends with a line end has no empty line after it

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def stretch(self, line: int) -> tuple[int, int]:
        """Offsets of a line's text, without its end."""
        start = self.starts[line - 1]
        end = self.starts[line] - 1 if line < len(self.starts) else len(self.text)
        if end > start and self.text[end - 1] == "\n":
            end -= 1
        if end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end


def findings_of(lines: Lines, spans: Sequence[Span], actions: Sequence[str]) -> list[Finding]:
    """Spans with their places."""
    return [Finding(span, action, *lines.place(span.start)) for span, action in zip(spans, actions, strict=True)]


class _Signs(dict[int, str | None]):
    """What stands for a character that would do something to the terminal, or could not be seen."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if char == "\t" or kind not in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in "\u200c\u200d":
            sign = char  # joiners hold emoji and Indic letters together
        elif code < 0x20:
            sign = chr(0x2400 + code)
        elif code == 0x7F:
            sign = "\u2421"
        elif kind == "Cs":
            sign = "\ufffd"
        else:
            sign = f"<U+{code:04X}>"
        self[code] = sign
        return sign


_SIGNS = _Signs()


def visible(text: str) -> str:
    """``text`` with control, direction and lone surrogate characters as signs; tabs and line ends too."""
    return text.translate(_SIGNS)


class Shower:
    """Writes to one console; with colours where it has them, else with brackets."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.colours = console.color_system is not None and not console.no_color

    def print(self, *parts: str | tuple[str, str]) -> None:
        """One line."""
        self.console.print(Text.assemble(*parts), soft_wrap=True)

    def text(self, lines: Lines, findings: Sequence[Finding], *, everything: bool) -> None:
        """The text with its findings; of several files only the lines that hold some."""
        width = len(str(len(lines.starts)))
        at = 0
        for number in range(1, len(lines.starts) + 1):
            start, end = lines.stretch(number)
            while at < len(findings) and findings[at].span.end <= start:
                at += 1
            upto = at
            while upto < len(findings) and findings[upto].span.start < max(end, start + 1):
                upto += 1
            here = findings[at:upto]
            if here or everything:
                self._line(f"{number:>{width}}", self._marked(lines.text, start, end, here))

    def _line(self, number: str, line: Text) -> None:
        gutter = Text(f"{number} | " if not self.colours else f"{number} │ ", "dim")
        room = self.console.width - gutter.cell_len
        if not self.console.is_terminal or room < 20 or line.cell_len <= room:
            self.console.print(gutter + line, soft_wrap=True)
            return
        blank = Text(" " * len(number) + str(gutter)[len(number) :], "dim")
        for index, part in enumerate(line.wrap(self.console, room, overflow="fold", tab_size=8)):
            part.rstrip()
            self.console.print((blank if index else gutter) + part, soft_wrap=True)

    def _marked(self, text: str, start: int, end: int, findings: Sequence[Finding]) -> Text:
        """One line of the text."""
        marked = Text(tab_size=8)
        position = start
        for finding in findings:
            first, last = max(start, finding.span.start), min(end, finding.span.end)
            self._plain(marked, text[position:first], start=position == start, end=False)
            self._found(marked, finding, text[first:last])
            position = last
        self._plain(marked, text[position:end], start=position == start, end=True)
        return marked

    def _plain(self, line: Text, text: str, *, start: bool, end: bool) -> None:
        """What is no finding; much of it is left out."""
        if len(text) <= LONG_LINE:
            line.append(visible(text))
            return
        head = AROUND if end or not start else 0
        tail = 0 if end else AROUND
        line.append(visible(text[:head]))
        line.append(f" … {len(text) - head - tail:,} characters … ", "dim italic")
        line.append(visible(text[len(text) - tail :]))

    def _found(self, line: Text, finding: Finding, value: str) -> None:
        entity = finding.span.entity
        if len(value) > LONG_LINE:
            value = f"{value[:AROUND]} … {value[-AROUND:]}"
        if self.colours:
            line.append(visible(value), _style(family_of(entity), finding.action))
        elif finding.action == ALLOW:
            line.append(f"{{{entity}: {visible(value)}}}")
        else:
            line.append(f"[{entity}: {visible(value)}]")

    def legend(self, findings: Sequence[Finding]) -> None:
        """What colours or brackets mean; only those that occur."""
        parts: list[str | tuple[str, str]] = []
        for held in (True, False):
            families = sorted({family_of(f.span.entity) for f in findings if (f.action != ALLOW) is held})
            if not families:
                continue
            parts.append(("   " if parts else "", ""))
            if self.colours:
                parts.append(("masked " if held else "allowed ", "dim"))
                for family in families:
                    parts += [(f" {family} " if held else f"{family}", _style(family, "mask" if held else ALLOW)), " "]
            else:
                parts.append("[ENTITY: masked]" if held else "{ENTITY: allowed}")
        if parts:
            self.print(*parts)

    def table(self, findings: Sequence[Finding]) -> None:
        """One line a finding: place, entity, action, score, recognizer."""
        rows = [("place", "entity", "action", "score", "recognizer")]
        rows += [(f.place, f.span.entity, f.action, f"{f.span.score:.2f}", f.span.recognizer) for f in findings]
        widths = [max(cell_len(visible(row[i])) for row in rows) for i in range(4)]
        room = self.console.width - sum(widths) - 4 * 2 if self.console.is_terminal else 200
        for index, (place, entity, action, score, recognizer) in enumerate(rows):
            head = "bold" if index == 0 else ""
            if cell_len(recognizer) > room:
                recognizer = recognizer[: max(0, room - 1)] + "…" if room >= 8 else ""
            self.print(
                (f"{place:>{widths[0]}}  ", head or "dim"),
                (f"{visible(entity):<{widths[1]}}  ", head or (_style(family_of(entity), ALLOW, underline=False))),
                (f"{action:<{widths[2]}}  ", head or _ACTION_STYLES.get(action, "")),
                (f"{score:>{widths[3]}}  ", head),
                (visible(recognizer), head or "dim"),
            )

    def explained(self, finding: Finding, rows: Sequence[tuple[str, str]]) -> None:
        """A finding and what there is to say of it."""
        self.print(
            (f"{finding.place} ", "bold"),
            (visible(finding.span.entity), "bold"),
            "  ",
            (finding.action, _ACTION_STYLES.get(finding.action, "")),
        )
        for title, said in rows:
            self._hanging(f"  {title:<12}", said)

    def _hanging(self, title: str, said: str) -> None:
        room = self.console.width - len(title)
        text = Text(visible(said))
        parts = list(text.wrap(self.console, room)) if self.console.is_terminal and room >= 20 else [text]
        for index, part in enumerate(parts):
            part.rstrip()
            self.console.print(Text(title if index == 0 else " " * len(title), "dim") + part, soft_wrap=True)


def _style(family: Family, action: str, *, underline: bool = True) -> str:
    if action != ALLOW:
        return MASKED[family]
    return f"underline {ALLOWED[family]}" if underline else ALLOWED[family]


def counted(number: int, noun: str, more: str = "") -> str:
    """``1 finding``, ``2 findings``."""
    return f"{number:,} {noun if number == 1 else more or noun + 's'}"


def summary(findings: Sequence[Finding]) -> str:
    """How many of which action, in words."""
    if not findings:
        return "nothing found"
    actions = Counter(finding.action for finding in findings)
    words = {"mask": "masked", "reroute": "rerouted", "block": "blocked", "allow": "allowed"}
    parts = [f"{actions[action]:,} {word}" for action, word in words.items() if actions[action]]
    return f"{counted(len(findings), 'finding')}: {', '.join(parts)}"


def reasons(finding: Finding, why: str) -> Iterator[tuple[str, str]]:
    """What there is to say of a finding, as titles and sentences."""
    from detectors.explaining import explanation_of

    told = explanation_of(finding.span)
    yield "found by", finding.span.recognizer + (f", and {', '.join(told.agreeing)}" if told and told.agreeing else "")
    if told is None:
        yield "because", "what was found elsewhere in the text leads here"
        yield "score", f"{finding.span.score:.2f}"
    else:
        if told.hidden:
            yield "written", told.hidden
        words = ", ".join(f"“{word}”" for word in told.words)
        raised = f", raised by {words}" if words else ", no context word near"
        change = f"{told.score_before:.2f} -> " if told.score_before != finding.span.score else ""
        yield "score", f"{change}{finding.span.score:.2f}{raised if words or change else ''}"
        if told.proof:
            yield "proof", told.proof
        for beaten in told.beaten:
            yield "rather than", f"{beaten.entity} ({beaten.recognizer}, {beaten.score:.2f}): {beaten.reason}"
    yield f"{finding.action} by", why

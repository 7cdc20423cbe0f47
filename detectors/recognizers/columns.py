# ruff: noqa: E501 - expressions are read line by line
"""Tables of people: a header that names the columns (CSV, TSV, Markdown, SQL results, ``INSERT``, ``COPY``) says what the cells below are.

What a column's name means stands in ``columns.txt``. A name that things have too (``name``, ``id``) counts only where another column is about
people. The span is the cell without its quotes. May import Presidio, ``reading``, ``strict`` and the word lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.reading import Reading
from detectors.recognizers.secrets.guards import is_placeholder
from detectors.recognizers.strict import GENERIC, result_of
from detectors.recognizers.word_list import read_words

MAX_LINE = 4_000
"""A longer line is no row of a table that a person would read, in code points."""
SCORE = 0.7
_ABOUT_PEOPLE = "-"
_SCHEMA = "!"


@dataclass(frozen=True, slots=True)
class Column:
    """What a column's name says."""

    entity: str
    alone: bool
    """False: it tells only beside a telling one."""


def _read() -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for line in sorted(read_words("columns"), reverse=True):
        head, *names = line.split()
        for name in names:
            columns[name] = Column(head.rstrip("?"), not head.endswith("?"))
    return columns


COLUMNS = _read()
_SEPARATORS = ("\t", "|", ";", ",")
_NAME = re.compile(r"[^0-9a-z\u00c0-\u024f\u4e00-\u9fff]")
_CELL = {mark: re.compile(rf'[ ]*(?:"(?P<quoted>(?:[^"]|"")*)"[ ]*(?=[{re.escape(mark)}]|$)|(?P<bare>[^{re.escape(mark)}]*))(?:[{re.escape(mark)}]|$)') for mark in _SEPARATORS}  # fmt: skip
_RULE = re.compile(r"[\s|+:\-=]*-[\s|+:\-=]*")
_HEADER = re.compile(
    r"(?:^|[\t|;,])[ ]*[\"'`*]{0,3}(?P<name>[A-Za-z\u00c0-\u024f\u4e00-\u9fff][\w .\-#/]{0,30}?)[\"'`*.:]{0,3}[ ]*(?=[\t|;,]|$)",
    re.MULTILINE,
)
_SQL = re.compile(
    r"(?:INSERT\s+INTO|COPY)\s+[\w.\"`\[\]\u4e00-\u9fff]{1,80}\s*\((?P<names>[^()]{3,2000})\)\s*(?P<kind>VALUES|FROM\s+stdin[^\n]*\n)",
    re.IGNORECASE,
)
_TUPLE = re.compile(r"\s*,?\s*\(((?:'(?:[^']|'')*'|[^()'])*)\)")
_SQL_CELL = re.compile(r"\s*(?:[NEe]?'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^,']*))\s*(?:,|$)")
_EMPTY = frozenset(
    [
        "null",
        "none",
        "nil",
        "n/a",
        "na",
        "nan",
        "-",
        "--",
        "—",
        "\\n",
        "true",
        "false",
        "yes",
        "no",
        "unknown",
        "unbekannt",
        "tbd",
        "?",
        "pool",
        "test",
        "admin",
        "无",
        "未知",
        "空",
        "是",
        "否",
        "男",
        "女",
    ]
)
_PROSE = re.compile(r"\d|[@/\\=<>{}$#%]|\(\)")

Cell = tuple[int, int]


def name_of_column(cell: str) -> str:
    """The cell in the spelling of ``COLUMNS``."""
    return _NAME.sub("", cell.lower())


def meaning(header: Sequence[str]) -> list[str | None]:
    """The entity of each column, by its name and by what stands beside it."""
    columns = [COLUMNS.get(name_of_column(cell)) for cell in header]
    if any(column is not None and column.entity == _SCHEMA for column in columns):
        return [None] * len(columns)
    telling = {column.entity for column in columns if column is not None and column.alone}
    if not telling - {"SECRET", "USERNAME", "VIN", "TAX_ID", "BANK_ACCOUNT", "ORDER_ID"} and len(telling) < 2:
        return [None] * len(columns)
    people = any(column is not None and column.entity == "PERSON" for column in columns)
    return [
        column.entity
        if column is not None
        and column.entity != _ABOUT_PEOPLE
        and (column.alone or people or column.entity in ("PERSON", "ADDRESS"))
        else None
        for column in columns
    ]


def is_value(entity: str, value: str) -> bool:
    """True if a cell's content can be one of ``entity``."""
    if not value or len(value) > 160 or value.lower() in _EMPTY or (entity != "PERSON" and is_placeholder(value)):
        return False
    digits = sum(map(str.isdigit, value))
    if entity == "PERSON":
        return (
            2 <= len(value) <= 60
            and any(map(str.isalpha, value))
            and not _PROSE.search(value)
            and "_" not in value
            and name_of_column(value) not in COLUMNS
        )
    if entity == "ADDRESS":
        return len(value) >= 5 and any(map(str.isalpha, value)) and (digits > 0 or " " in value or value[0] > "\u2e80")
    if entity in ("USERNAME", "SECRET"):
        return len(value) >= 3 and " " not in value
    if entity in ("EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS"):
        return False
    if entity == "AGE":
        return value.isdigit() and len(value) < 4
    if entity == "DATE_OF_BIRTH":
        return digits >= 4 and len(value) <= 30
    if entity in ("PHONE_NUMBER", "BANK_ACCOUNT", "CREDIT_CARD"):
        return digits >= 5 and len(value) <= 50
    return digits >= (2 if entity == "LICENSE_PLATE" else 3) and len(value) <= 40 and value.count(" ") <= 4


class TableRecognizer(EntityRecognizer):
    """All entities of ``columns.txt``, for cells below a telling header."""

    def __init__(self) -> None:
        entities = {column.entity for column in COLUMNS.values()} - {
            _ABOUT_PEOPLE,
            _SCHEMA,
            "EMAIL_ADDRESS",
            "IP_ADDRESS",
            "MAC_ADDRESS",
        }
        super().__init__(supported_entities=sorted(entities), name="TableRecognizer", supported_language="en")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Presidio's entry point."""
        reading = Reading.of(text, nlp_artifacts)
        results = []
        if "\n" in reading.text or "(" in reading.text:
            for entity, (start, end) in cells_of(reading.text):
                if is_value(entity, text[start:end]):
                    result = result_of(self, entity, start, end, SCORE)
                    result.recognition_metadata[GENERIC] = True
                    results.append(result)
        return results


def cells_of(text: str) -> Iterator[tuple[str, Cell]]:
    """``(entity, (start, end))`` of each cell below a column that tells."""
    done = 0
    for hit in _HEADER.finditer(text):
        if hit.start() < done or name_of_column(hit["name"]) not in COLUMNS:
            continue
        start = text.rfind("\n", 0, hit.start("name")) + 1
        done = _line_end(text, start)
        columns, mark = header(text, start, done)
        while columns and done < len(text):
            start, done = done + 1, _line_end(text, done + 1)
            cells = split(text, start, done, mark) if start < done <= start + MAX_LINE else []
            if len(cells) == len(columns):
                yield from ((entity, cell) for entity, cell in zip(columns, cells, strict=True) if entity is not None)
            elif not _RULE.fullmatch(text, start, done) or start == done:
                done = start
                break
    yield from sql_cells(text)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def header(text: str, start: int, end: int) -> tuple[list[str | None], str]:
    """What the columns mean if this line is a telling header, and its separator; else ``([], "")``."""
    if end - start > MAX_LINE:
        return [], ""
    for mark in _SEPARATORS:
        if text.find(mark, start, end) < 0:
            continue
        cells = split(text, start, end, mark)
        if (
            len(cells) >= 2
            and not _is_row(text, start, mark, len(cells))
            and all(last - first <= 40 for first, last in cells)
        ):
            columns = meaning([text[first:last] for first, last in cells])
            if any(columns):
                return columns, mark
    return [], ""


def _is_row(text: str, start: int, mark: str, cells: int) -> bool:
    """True if the line before is a row of the same table: this one is no header then."""
    last = max(0, start - 1)
    before = text.rfind("\n", 0, last) + 1
    if mark not in text[before:last] or _RULE.fullmatch(text, before, last):
        return False
    return mark == "|" or len(split(text, before, last, mark)) == cells


def split(text: str, start: int, end: int, mark: str) -> list[Cell]:
    """The cells of a line, without quotes and surrounding blanks. An outer pipe makes no empty cell."""
    while start < end and text[start] in " |" and (text[start] == " " or mark == "|"):
        start += 1
    while mark == "|" and end > start and text[end - 1] in " |":
        end -= 1
    cells = []
    position = start
    while position <= end:
        match = _CELL[mark].match(text, position, end)
        if match is None:
            break
        first, last = match.span("quoted") if match["quoted"] is not None else match.span("bare")
        cells.append(_stripped(text, first, last))
        if match.end() >= end and not (match.end() == end and text[end - 1 : end] == mark and match.end() > position):
            break
        position = match.end()
    return cells


def _stripped(text: str, start: int, end: int) -> Cell:
    while start < end and text[start] in " \r\"'`*_":
        start += 1
    while end > start and text[end - 1] in " \r\"'`*_":
        end -= 1
    return start, end


def sql_cells(text: str) -> Iterator[tuple[str, Cell]]:
    """Cells of ``INSERT INTO t (…) VALUES (…)`` and of ``COPY t (…) FROM stdin``."""
    for statement in _SQL.finditer(text):
        columns = meaning(statement["names"].split(","))
        if not any(columns):
            continue
        position = statement.end()
        while True:
            if statement["kind"][0] in "Vv":
                row = _TUPLE.match(text, position)
                if row is None:
                    break
                cells = [
                    cell.span("quoted") if cell["quoted"] is not None else _stripped(text, *cell.span("bare"))
                    for cell in _SQL_CELL.finditer(text, row.start(1), row.end(1))
                ][: len(columns)]
                position = row.end()
            else:
                end = text.find("\n", position)
                end = len(text) if end < 0 else end
                cells = split(text, position, end, "\t") if end > position else []
                position = end + 1
                if end >= len(text) and not cells:
                    break
            if len(cells) != len(columns):
                break
            for entity, cell in zip(columns, cells, strict=True):
                if entity is not None:
                    yield entity, cell
            if position >= len(text):
                break

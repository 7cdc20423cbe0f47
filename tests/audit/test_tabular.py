"""CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.query import Record, State
from audit.records import Decision
from audit.tabular import FORMULA_STARTS, RECORD_HEADER, csv_lines, guarded, record_row


@given(st.lists(st.text(max_size=8) | st.builds(str.__add__, st.sampled_from(FORMULA_STARTS), st.text(max_size=5))))
def test_no_cell_begins_a_formula_and_a_row_stays_a_line(cells: list[str]) -> None:
    _, line = csv_lines(["x"], [cells])
    assert "\n" not in line and "\r" not in line
    read = next(csv.reader(io.StringIO(line)), [])
    assert not [cell for cell in read if cell.startswith(FORMULA_STARTS)]
    assert len(read) == len(cells) or cells == []


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("\tx", "'\\x09x"),
        ("a=b", "a=b"),
        (-5, -5),
        (None, ""),
        (True, "yes"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00.000Z"),
        ("王小明", "王小明"),
    ],
)
def test_cells(value: object, cell: object) -> None:
    assert guarded(value) == cell


def test_a_record_fills_its_header(decision: Callable[..., Decision]) -> None:
    row = record_row(Record(3, decision(), None, State.UNRESOLVED))
    named = dict(zip(RECORD_HEADER, row, strict=True))
    assert (named["seq"], named["entities"], named["state"], named["status"]) == (
        3,
        "EMAIL_ADDRESS:2",
        "unresolved",
        None,
    )

"""The times that people type."""

from __future__ import annotations

import datetime as dt

import pytest

from audit.errors import AuditError
from audit.times import parse_since, parse_until

NOW = dt.datetime(2026, 11, 24, 15, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - dt.timedelta(days=7)),
        ("2h", NOW - dt.timedelta(hours=2)),
        ("90 m", NOW - dt.timedelta(minutes=90)),
        ("30S", NOW - dt.timedelta(seconds=30)),
        ("4w", NOW - dt.timedelta(weeks=4)),
        ("now", NOW),
        ("today", dt.datetime(2026, 11, 24, tzinfo=dt.UTC)),
        ("yesterday", dt.datetime(2026, 11, 23, tzinfo=dt.UTC)),
        ("2026-11-01", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)),
        (" 2026-11-01T09:30 ", dt.datetime(2026, 11, 1, 9, 30, tzinfo=dt.UTC)),
        ("2026-11-01T09:30+08:00", dt.datetime(2026, 11, 1, 1, 30, tzinfo=dt.UTC)),
        ("2026-11-01T09:30:15.5Z", dt.datetime(2026, 11, 1, 9, 30, 15, 500_000, tzinfo=dt.UTC)),
    ],
)
def test_since(text: str, moment: dt.datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-30", dt.datetime(2026, 12, 1, tzinfo=dt.UTC)),
        ("yesterday", dt.datetime(2026, 11, 24, tzinfo=dt.UTC)),
        ("2026-11-30T00:00", dt.datetime(2026, 11, 30, tzinfo=dt.UTC)),
        ("1h", NOW - dt.timedelta(hours=1)),
    ],
)
def test_until_includes_a_whole_day(text: str, moment: dt.datetime) -> None:
    assert parse_until(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "7", "7y", "2026-13-01", "2026-02-30", "999999w", "9999-12-31", "-3d"])
def test_anything_else_is_explained(text: str) -> None:
    with pytest.raises(AuditError, match="2026-11-24") as caught:
        parse_until(text, NOW)
    assert caught.value.code == "query"

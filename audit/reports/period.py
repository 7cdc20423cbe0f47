"""The month that a report is of, and the year up to its end. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from audit.errors import AuditError


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in UTC."""

    year: int
    month: int

    @property
    def since(self) -> dt.datetime:
        """The first instant."""
        return dt.datetime(self.year, self.month, 1, tzinfo=dt.UTC)

    @property
    def until(self) -> dt.datetime:
        """The first instant after it."""
        return dt.datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=dt.UTC)

    @property
    def year_since(self) -> dt.datetime:
        """The first of January, from which yearly thresholds count."""
        return dt.datetime(self.year, 1, 1, tzinfo=dt.UTC)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def parse_month(text: str) -> Period:
    """``2026-10``. Raises AuditError."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", text.strip())
    if match is None or not 1 <= int(match[2]) <= 12 or not 1970 <= int(match[1]) <= 9998:
        raise AuditError("query", "--month is a year and a month: 2026-10.")
    return Period(int(match[1]), int(match[2]))

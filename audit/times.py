"""Reads the times that people type (``7d``, ``2026-11-24``, ``2026-11-24T09:30``), and writes times.

Pure; imports only the error.
"""

from __future__ import annotations

import datetime as dt
import re

from audit.errors import AuditError

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def iso(time: dt.datetime, timespec: str = "milliseconds") -> str:
    """ISO 8601 in UTC, with a Z; ``timespec`` as `datetime.isoformat` takes it."""
    return time.astimezone(dt.UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def parse_since(text: str, now: dt.datetime) -> dt.datetime:
    """The first instant meant, in UTC: a date is its midnight. A time without a zone is UTC. Raises AuditError."""
    return _parse(text, now, end_of_day=False)


def parse_until(text: str, now: dt.datetime) -> dt.datetime:
    """The instant before which records lie, in UTC: a date includes its whole day. Raises AuditError."""
    return _parse(text, now, end_of_day=True)


def parse_step(text: str) -> dt.timedelta:
    """``15m``, ``1h``, ``1d``, ``2w``. Raises AuditError."""
    found = _AGO.fullmatch(text.strip())
    step = dt.timedelta(**{_UNITS[found[2].lower()]: int(found[1])}) if found else dt.timedelta()
    if step < dt.timedelta(minutes=1) or step % dt.timedelta(minutes=1):
        raise AuditError("query", "--every is whole minutes, hours, days or weeks: 15m, 1h, 1d, 1w.")
    return step


def _parse(text: str, now: dt.datetime, *, end_of_day: bool) -> dt.datetime:
    text = text.strip()
    try:
        if ago := _AGO.fullmatch(text):
            return now.astimezone(dt.UTC) - dt.timedelta(**{_UNITS[ago[2].lower()]: int(ago[1])})
        if text in ("now", "today", "yesterday"):
            if text == "now":
                return now.astimezone(dt.UTC)
            text = (now.astimezone(dt.UTC).date() - dt.timedelta(days=text == "yesterday")).isoformat()
        moment = dt.datetime.fromisoformat(text)
        if _DATE.fullmatch(text) and end_of_day:
            moment += dt.timedelta(days=1)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise AuditError(
            "query",
            "A time is an age (30m, 2h, 7d, 4w), a date (2026-11-24), a date and time (2026-11-24T09:30, "
            "2026-11-24T09:30+08:00; UTC without a zone), or now, today, yesterday.",
        ) from None

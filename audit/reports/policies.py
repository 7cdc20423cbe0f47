"""Which policies were in force in a month, and what changed between them: the places in the settings, never contents.

A policy's settings may hold words that an organization wants kept (lists of allowed names): a report names paths only.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from audit.reports.period import Period
from audit.schema import Base

_decisions = Base.metadata.tables["decisions"]
_policies = Base.metadata.tables["policies"]


@dataclass(frozen=True, slots=True)
class Change:
    """A policy that was first seen in the month."""

    time: dt.datetime
    tenant: str
    hash: str
    before: str | None
    """Hash of the one before it; None for the first."""
    paths: Sequence[str]
    """What was added, removed or changed: ``+ rules[2]``, ``- mode``, ``~ entities.PERSON``."""


@dataclass(frozen=True, slots=True)
class Policies:
    """Of one month."""

    changes: Sequence[Change]
    used: Sequence[tuple[str, int, dt.datetime, dt.datetime]]
    """Hash, decisions under it, the first and the last."""


def policies_of(connection: Connection, period: Period, tenants: Sequence[str]) -> Policies:
    """Raises what SQLAlchemy raises."""
    query = select(_policies).where(_policies.c.time < period.until).order_by(_policies.c.seq)
    if tenants:
        query = query.where(_policies.c.tenant.in_(tenants))
    changes: list[Change] = []
    before: dict[str, Any] = {}
    for row in connection.execute(query):
        earlier = before.get(row.tenant)
        if row.time >= period.since:
            paths = [] if earlier is None else list(_differences(_read(earlier.policy), _read(row.policy)))
            changes.append(Change(row.time, row.tenant, row.hash, None if earlier is None else earlier.hash, paths))
        before[row.tenant] = row
    time = _decisions.c.time
    used = select(_decisions.c.policy_hash, func.count(), func.min(time), func.max(time))
    used = used.where(time >= period.since, time < period.until).group_by(_decisions.c.policy_hash)
    if tenants:
        used = used.where(_decisions.c.tenant.in_(tenants))
    rows = sorted(connection.execute(used).all(), key=lambda one: one[2])
    return Policies(changes, [(str(one[0]), int(one[1]), one[2], one[3]) for one in rows])


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            here = f"{path}.{key}" if path else str(key)
            if key not in old or key not in new:
                yield f"{'-' if key in old else '+'} {here}"
            else:
                yield from _differences(old[key], new[key], here)
    elif isinstance(old, list) and isinstance(new, list) and path.count("[") == 0:
        for place in range(max(len(old), len(new))):
            here = f"{path}[{place}]"
            if place >= len(old) or place >= len(new):
                yield f"{'-' if place < len(old) else '+'} {here}"
            else:
                yield from _differences(old[place], new[place], here)
    else:
        yield f"~ {path or 'all'}"

"""What an export says of itself: its query, range, count and checkpoint. Pure, but for the sidecar file's reading."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.times import iso

FORMAT = "coatcheck-export-manifest/1"


@functools.cache
def product_version() -> str:
    """This program's version."""
    try:
        return importlib.metadata.version("coatcheck")
    except importlib.metadata.PackageNotFoundError:
        return "0"


@dataclass(slots=True)
class Manifest:
    """In the making while rows are written; `mapping` when they are."""

    format: str
    query: Mapping[str, Any]
    written: dt.datetime
    rows_of: str = "decisions"
    records: int = 0
    """Decisions that the query admitted."""
    rows: int = 0
    """Rows or events that were written."""
    range: list[int] | None = None
    """The lowest and the highest leaf of the ledger among them, outcomes included."""
    checkpoint: str | None = None
    """The newest signed checkpoint when it was written."""
    more: dict[str, Any] = field(default_factory=dict)

    def saw(self, *leaves: int | None) -> None:
        """Count one record, which has these leaves."""
        self.records += 1
        known = [leaf for leaf in (*leaves, *(self.range or ())) if leaf is not None and leaf >= 0]
        if known:
            self.range = [min(known), max(known)]

    def mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "manifest": FORMAT,
            "format": self.format,
            "product": f"coatcheck {product_version()}",
            "written": iso(self.written),
            "query": dict(self.query),
            "rows_of": self.rows_of,
            "records": self.records,
            "rows": self.rows,
            "range": self.range,
            "checkpoint": self.checkpoint,
            **self.more,
        }

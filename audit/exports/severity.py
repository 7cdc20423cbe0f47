"""How grave an entry is, in OCSF's scale: 1 informational, 2 low, 3 medium, 4 high. Pure."""

from __future__ import annotations

from audit.exports.entries import Entry
from audit.filters import State

FAIL_CLOSED = "fail_closed"
"""Name of the rule of requests that were refused because something failed."""


def severity_of(entry: Entry) -> int:
    """A control that failed is high, one that refused is medium, one that changed something is low."""
    decision = entry.decision
    if decision is None:
        return 1
    if decision["rule"] == FAIL_CLOSED or entry.state == State.UNRESOLVED:
        return 4
    if decision["action"] == "block" or entry.state == State.FAILED:
        return 3
    return 2 if decision["action"] in ("mask", "reroute") else 1

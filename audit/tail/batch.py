"""What is handed to a receiver: some entries in the ledger's order, written in one of the formats. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from audit.exports.cef import cef_line
from audit.exports.ecs import ecs_event
from audit.exports.entries import Entry
from audit.exports.ocsf import ocsf_event
from audit.visible import visible_json


class StreamFormat(StrEnum):
    """How an entry is written."""

    JSON = "json"
    OCSF = "ocsf"
    CEF = "cef"
    ECS = "ecs"


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries without a gap, and the same as text, a line each."""

    entries: Sequence[Entry]
    lines: Sequence[str]
    form: StreamFormat

    @property
    def first(self) -> int:
        """The lowest leaf."""
        return self.entries[0].leaf

    @property
    def last(self) -> int:
        """The highest leaf."""
        return self.entries[-1].leaf

    def halves(self) -> tuple[Batch, Batch]:
        """Of a batch of two or more."""
        half = len(self.entries) // 2
        return (
            Batch(self.entries[:half], self.lines[:half], self.form),
            Batch(self.entries[half:], self.lines[half:], self.form),
        )


class Refused(Exception):
    """A receiver did not accept a batch. ``message`` names the place and the failure, never what was sent."""

    def __init__(self, message: str, *, again: bool = True, after_s: float = 0.0, smaller: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.again = again
        """Whether it may accept the same later."""
        self.after_s = after_s
        """It asked not to be bothered for so long."""
        self.smaller = smaller
        """It would accept less at once."""


class Receiver(Protocol):
    """Whoever entries are delivered to."""

    def deliver(self, batch: Batch) -> None:
        """Return when the batch was accepted. Raises Refused."""

    def close(self) -> None:
        """End what is open."""


def written(entries: Sequence[Entry], form: StreamFormat) -> Batch:
    """The entries in a format."""
    write = _WRITERS[form]
    return Batch(entries, [write(entry) for entry in entries], form)


def plain_event(entry: Entry) -> dict[str, Any]:
    """The entry by the record's own names: the leaf, the decision, its outcome or the policy."""
    return {
        "leaf": entry.leaf,
        "kind": entry.kind,
        "id": entry.id,
        "state": None if entry.state is None else str(entry.state),
        "decision": entry.decision,
        "outcome": entry.outcome,
        "policy": entry.policy,
    }


_WRITERS: dict[StreamFormat, Callable[[Entry], str]] = {
    StreamFormat.JSON: lambda entry: visible_json(plain_event(entry)),
    StreamFormat.OCSF: lambda entry: visible_json(ocsf_event(entry)),
    StreamFormat.ECS: lambda entry: visible_json(ecs_event(entry)),
    StreamFormat.CEF: cef_line,
}

"""A request or reply that is not let go, and why: becomes the client's answer and the record."""

from __future__ import annotations

import re

from addons.policy.types import Verdict
from addons.reading import Reading
from addons.templates import path_template

_LINE = re.compile(r"file\[(\d+)\]")
"""The path of what lies in a line of an uploaded file."""


_UPLOAD = " Upload the file through the gateway, with the key that names it: then its content is known."


class Refusal(Exception):
    """This request is not let go; becomes the reply and the record."""

    def __init__(self, status: int, code: str, message: str, *, rule: str = "fail_closed", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.rule = rule
        self.reason = reason or f"error:{code}"


def refused_because(verdict: Verdict, reading: Reading) -> str:
    """For the developer: which rule, and what kind of thing where; never the thing."""
    if verdict.reason.startswith("unreadable:"):
        kind = verdict.reason.partition(":")[2]
        part = next((part for part in reading.unreadable if part.kind.value == kind), None)
        where = part.path if part is not None else "the body"
        line = _LINE.match(where)
        place = path_template(where) + (f", line {line[1]}" if line is not None else "")
        advice = _UPLOAD if part is not None and part.stored is not None else ""
        return f"Refused by policy: {kind} content cannot be inspected ({place}). Nothing was sent.{advice}"
    if verdict.reason.startswith("entity:"):
        return f"Refused by policy: the request holds {verdict.reason.partition(':')[2]}. Nothing was sent."
    return f"Refused by policy rule {verdict.rule!r}. Nothing was sent."

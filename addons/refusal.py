"""A request or reply that is not let go, and why: becomes the client's answer and the record. Imports nothing."""

from __future__ import annotations


class Refusal(Exception):
    """This request is not let go; becomes the reply and the record."""

    def __init__(self, status: int, code: str, message: str, *, rule: str = "fail_closed", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.rule = rule
        self.reason = reason or f"error:{code}"

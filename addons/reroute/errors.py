"""Why a request cannot go to an on-prem upstream. Imports nothing."""

from __future__ import annotations


class RerouteError(Exception):
    """The request is refused. ``code`` is a stable word; ``message`` is for the caller and quotes no data."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

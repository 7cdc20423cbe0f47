"""What the detector raises. Imports nothing; no message ever holds a piece of the text."""

from __future__ import annotations


class DetectorError(Exception):
    """The detector cannot answer; the caller must treat the text as sensitive (fail closed).

    The message names the stage or recognizer, never the data. Raise it ``from None``: a chained
    exception of a library may quote the text.
    """


class DetectorTimeout(DetectorError):
    """The detector did not answer within its time limit."""


class DetectorOverloaded(DetectorError):
    """The detector's queue is full."""

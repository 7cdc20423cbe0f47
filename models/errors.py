"""The one error of this room. Imports nothing of ours."""

from __future__ import annotations


class ModelError(Exception):
    """A model, its files or its training data cannot be used: says what is wrong, where, and what to do."""

"""The history of the vault's tables, beside the audit's and apart from it: a version table of its own.

A new revision is a new file in ``versions/``: ``NNNN_words.py``, added to `REVISIONS`. A released one is never edited.
"""

from __future__ import annotations

REVISIONS = ("0001",)
"""Oldest first. Stands here so that a reader can judge a database without loading Alembic."""

VERSION_TABLE = "coatcheck_vault_version"

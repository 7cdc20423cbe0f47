"""What the vault raises. Imports nothing of ours; a message never quotes a value, an id or a key."""

from __future__ import annotations


class VaultError(Exception):
    """The vault cannot do what was asked; who needed it must refuse.

    ``code`` is a stable word: ``unavailable`` (the database), ``timeout``, ``queue_full``, ``stopped``; ``damaged`` (a
    record does not open: it was altered, or the key is another); ``no_key`` (a master key is missing, unreadable, or
    its command failed); ``newer`` (the tables are a later version's).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

"""Carries the ledger's entries to a SIEM as they come: in order, at least once, from where it left off.

Nothing here writes to the database or imports anything outside audit.
"""

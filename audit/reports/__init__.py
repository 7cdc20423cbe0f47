"""Reports for the readers that laws and standards have: what the audit record knows, and what only the reader's
organization can say. Nothing here writes to the database or imports anything outside audit.
"""

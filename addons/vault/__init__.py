"""Placeholder -> value beyond a request: encrypted, by the id of what the provider stores and the caller's principal.

``crypto`` and ``records`` are pure; ``masters`` holds the master key; ``store`` the rows; ``service`` is what the
gateway speaks to. The other rooms import ``service``, ``names`` and ``errors`` only.
"""

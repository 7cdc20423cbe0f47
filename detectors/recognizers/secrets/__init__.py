"""Credentials: what opens a door. Entity SECRET; the span is the value, never its name."""

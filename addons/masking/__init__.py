"""Placeholders out, originals back. No I/O, no mitmproxy."""

# ruff: noqa: E501 - expressions and word lists are read line by line
"""Credentials inside URLs: ``scheme://user:secret@host`` (RFC 3986 userinfo) and secret query parameters (``?token=…``)."""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.recognizers.secrets.guards import is_placeholder
from detectors.recognizers.strict import Patterns


class UrlCredentialRecognizer(Patterns):
    """``SECRET``: the password of a connection string, the value of a secret query parameter."""

    ENTITY = "SECRET"
    LITERALS: ClassVar = ("://", "?", "&", "@tcp(", "@unix(")
    PATTERNS: ClassVar = (
        ("userinfo", r"[a-z][a-z0-9+.\-]{1,30}://[^\s:/@\"'<>`?#]{0,120}:(?P<value>(?![/\s])[^\s/\"'<>`?#]{1,200})@(?=[0-9A-Za-z\[$_{%])", 0.9),
        ("userinfo-slash", r"[a-z][a-z0-9+.\-]{1,30}://[^\s:/@\"'<>`?#]{1,120}:(?P<value>(?![/\s\d])[^\s\"'<>`@]{3,200})@(?=[0-9A-Za-z\[$_{%])", 0.8),
        ("dsn", r"(?<![0-9A-Za-z])[\w.\-]{1,60}:(?P<value>[^\s/\"'<>`?#@]{3,200})@(?:tcp|unix)\(", 0.85),
        ("userinfo-token", r"https?://(?P<value>[A-Za-z0-9_\-]{20,200})@(?=[0-9A-Za-z\[])", 0.8),
        (
            "query",
            r"(?:[?&]|&amp;)(?:access_?token|auth_?token|refresh_?token|id_?token|token|tk|api_?key|apikey|key|secret|client_?secret|password|passwd|pwd|pw|sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|code|auth|session(?:_?id)?|jwt|otp|inv|invite|ticket|accesskeyid|ossaccesskeyid)=(?P<value>[A-Za-z0-9_\-.~%+/]{6,2000}={0,2})",
            0.7,
        ),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Not variables, placeholders or words."""
        value = match["value"]
        if is_placeholder(value) or (pattern.name == "query" and value.isalpha() and len(value) < 16):
            return None
        return super().judge(text, match, pattern)

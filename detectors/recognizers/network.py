# ruff: noqa: E501 - expressions and word lists are read line by line
"""Network addresses: IP (RFC 791, RFC 4291) and MAC (IEEE 802).

Presidio's patterns, but: no loopback, unspecified, broadcast or netmask addresses and no CIDR ranges (they point at nobody), no version numbers that
look like IPv4, and no bare ``::``, which is C++ far more often than an address.
"""

from __future__ import annotations

import ipaddress
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult
from presidio_analyzer.predefined_recognizers import MacAddressRecognizer as PresidioMacAddressRecognizer

from detectors.reading import Reading, Seed
from detectors.recognizers.strict import Patterns, StrictPatterns

_VERSION_BEFORE = regex.compile(
    r"(?:version|ver\.?|release|v|build|revision|rev|firmware|版本)[\s:=\"'@-]*$", regex.IGNORECASE
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


_PREFIX_LENGTH = regex.compile(r"/(\d{1,3})(?![0-9A-Za-z])")


def is_range(text: str, end: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """True if a prefix length follows that makes the address a network, not a host in it (``10.0.0.0/8``)."""
    prefix = _PREFIX_LENGTH.match(text, end)
    if prefix is None or int(prefix[1]) >= address.max_prefixlen:
        return False
    host_bits = address.max_prefixlen - int(prefix[1])
    return int(address) & ((1 << host_bits) - 1) == 0


class IpRecognizer(Patterns):
    """``IP_ADDRESS``."""

    ENTITY = "IP_ADDRESS"
    SEED = Seed.NONE
    PATTERNS: ClassVar = (
        ("v4", rf"(?<![0-9A-Za-z_])(?<![0-9]\.)(?<![/=<>~^]=)(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z_])(?!\.[0-9])", 0.6),
        ("v6", r"(?<![0-9A-Za-z_:.])(?:[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{1,4}|[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}:|::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4})(?![0-9A-Za-z_:])(?!\.[0-9])", 0.6),
    )  # fmt: skip
    CONTEXT = ("ip", "ipv4", "ipv6", "host", "client", "地址")

    def can_match(self, reading: Reading) -> bool:
        """Three dots between digits, or two colons."""
        return not reading.prefilter or reading.text.count(".") >= 3 or reading.text.count(":") >= 2

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """A valid address of somebody, and not a version number."""
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            return None
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return None
        if is_range(text, match.end(), address):
            return None
        if address.version == 4:
            if match[0].startswith(("255.", "0.")) or (match[0].endswith(".255") and match[0].startswith("255")):
                return None
            if _VERSION_BEFORE.search(text, max(0, match.start() - 24), match.start()):
                return None
        elif match[0].count(":") < 7 and (len(match[0]) < 8 or not any(map(str.isdigit, match[0]))):
            return None
        return super().judge(text, match, pattern)


class MacAddressRecognizer(StrictPatterns, PresidioMacAddressRecognizer):
    """``MAC_ADDRESS``, Presidio's patterns."""

    SEED: ClassVar = Seed.NONE

    def __init__(self) -> None:
        super().__init__(
            patterns=[
                Pattern(
                    "pairs",
                    r"(?<![0-9A-Za-z])(?<!(?<![A-Za-z])[0-9A-F]{2}[:\-])[0-9A-F]{2}([:-])(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}(?![0-9A-Za-z]|[:-][0-9A-F]{2})",
                    0.6,
                ),
                Pattern("cisco", r"(?<![0-9A-Za-z.])[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4}(?![0-9A-Za-z.])", 0.6),
            ],
            name="MacAddressRecognizer",
        )

    def can_match(self, reading: Reading) -> bool:
        """Five separators."""
        text = reading.text
        return not reading.prefilter or text.count(":") >= 5 or text.count("-") >= 5 or text.count(".") >= 2

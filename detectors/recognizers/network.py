# ruff: noqa: E501 - expressions and word lists are read line by line
"""Network addresses: IP (RFC 791, RFC 4291) and MAC (IEEE 802).

Presidio's patterns, but: no loopback, unspecified, broadcast or netmask addresses and no CIDR ranges (they point at nobody), no version numbers that
look like IPv4, and no bare ``::``, which is C++ far more often than an address. Private addresses are an entity of their own: most of them name a
service of a site's own network; one that a line gives to a person or a person's device is an ``IP_ADDRESS``.
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
    r"(?:version|ver\.?|release|v|build|revision|rev|firmware|section|chapter|§|oid|版本|章节|第)[\s:=\"'@-]*$",
    regex.IGNORECASE,
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


_PRIVATE = tuple(
    ipaddress.ip_network(net)
    for net in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1918 (docker's and kubernetes' networks lie there), RFC 6598 (carriers), RFC 3927, RFC 4193, RFC 4291."""
_OF_A_PERSON = regex.compile(
    r"(?<![A-Za-z])(?:clients?|users?|username|log(?:ged)?[ -]?(?:in|on)|signed? ?in|sessions?|visitors?|customers?|guests?|employees?|attendees?|callers?|patients?|students?"
    r"|workstations?|laptops?|macbook|iphone|ipad|android|phone|camera|pc|dhcp(?:d|ack|offer|request|nak|discover|inform)?|accepted (?:password|publickey)|failed password|rhost|remote_?(?:addr|ip|host)|peer|from_ip|src_?user|x-forwarded-for|his|her|my)(?![A-Za-z])"
    r"|(?<![A-Za-z])(?:client|user|login|session|visitor|customer|remote)_?(?:ip|addr)|^[ \t]*Address[ \t]*=[ \t]*$"
    r"|用户|用戶|登录|登入|登陆|客户端|用戶端|来访|访客|訪客|会话|员工|同事|客户|客戶|电脑|電腦|笔记本|手机|手機|办公机|工位|终端|本人|我的",
    regex.IGNORECASE | regex.MULTILINE,
)
_ACCESS_LOG = regex.compile(r" \S{1,64} \S{1,64} \[\d\d?/")
"""What follows the client's address in the common log format."""
_MAC = regex.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_LINE = 240
"""How far back on the line a cue may stand."""


def is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """True for an address that means something inside one network only."""
    return any(address in network for network in _PRIVATE if network.version == address.version)


def is_of_a_person(text: str, start: int, end: int) -> bool:
    """True if the line of ``text[start:end]`` says that a person or a person's device has this address."""
    line = max(text.rfind("\n", max(0, start - _LINE), start) + 1, start - _LINE, 0)
    stop = text.find("\n", end, end + _LINE)
    stop = stop if stop >= 0 else min(len(text), end + _LINE)
    return bool(
        _OF_A_PERSON.search(text, line, start)
        or (start == line and _ACCESS_LOG.match(text, end))
        or _MAC.search(text, line, stop)
    )


_PREFIX_LENGTH = regex.compile(r"/(\d{1,3})(?![0-9A-Za-z])")


def is_range(text: str, end: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """True if a prefix length follows that makes the address a network, not a host in it (``10.0.0.0/8``)."""
    prefix = _PREFIX_LENGTH.match(text, end)
    if prefix is None or int(prefix[1]) >= address.max_prefixlen:
        return False
    host_bits = address.max_prefixlen - int(prefix[1])
    return int(address) & ((1 << host_bits) - 1) == 0


class IpRecognizer(Patterns):
    """``IP_ADDRESS`` and ``PRIVATE_IP_ADDRESS``."""

    ENTITY = "IP_ADDRESS"
    PRIVATE: ClassVar = "PRIVATE_IP_ADDRESS"
    SEED = Seed.NONE
    PATTERNS: ClassVar = (
        ("v4", rf"(?<![0-9A-Za-z_])(?<![0-9]\.)(?<![/=<>~^]=)(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z_])(?!\.[0-9])", 0.6),
        ("v6", r"(?<![0-9A-Za-z_:.])(?:[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{1,4}|[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}:|::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4})(?![0-9A-Za-z_:])(?!\.[0-9])", 0.6),
    )  # fmt: skip
    CONTEXT = ("ip", "ipv4", "ipv6", "host", "client", "地址")

    def __init__(self) -> None:
        super().__init__()
        self.supported_entities = [self.ENTITY, self.PRIVATE]

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
        result = super().judge(text, match, pattern)
        if result is not None and is_private(address) and not is_of_a_person(text, match.start(), match.end()):
            result.entity_type = self.PRIVATE
        return result


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

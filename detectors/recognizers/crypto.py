# ruff: noqa: E501 - expressions and word lists are read line by line
"""Cryptocurrency addresses and wallet seeds.

Bitcoin: Base58Check (P2PKH, P2SH) and bech32/bech32m (BIP 173, BIP 350), by Presidio's checksums. Ethereum and its kin: 0x + 40 hex
digits (EIP-55). Tron: Base58Check with prefix T. Litecoin, Dogecoin, Ripple share Base58Check shapes.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult
from presidio_analyzer.predefined_recognizers import CryptoRecognizer as PresidioCryptoRecognizer

from detectors.recognizers.strict import StrictPatterns, result_of

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(value: str) -> bool:
    """True if ``value`` is 25 bytes in base 58 whose last four are the double SHA-256 of the rest."""
    number = 0
    for char in value:
        number = number * 58 + _BASE58.index(char)
    try:
        raw = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


class CryptoRecognizer(StrictPatterns, PresidioCryptoRecognizer):
    """``CRYPTO``."""

    FLAGS: ClassVar = regex.ASCII

    def __init__(self) -> None:
        super().__init__(
            patterns=[
                Pattern("base58", r"(?<![0-9A-Za-z+/_])[13TLDM][1-9A-HJ-NP-Za-km-z]{25,34}(?![0-9A-Za-z+/_=])", 0.2),
                Pattern("bech32", r"(?<![0-9A-Za-z])(?:bc1|BC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,71}(?![0-9A-Za-z])", 0.4),
                Pattern("solana", r"(?<![0-9A-Za-z+/_])[1-9A-HJ-NP-Za-km-z]{43,44}(?![0-9A-Za-z+/_=])", 0.1),
                Pattern("ethereum", r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])", 0.5),
            ],
            context=[
                "wallet",
                "btc",
                "bitcoin",
                "crypto",
                "eth",
                "usdt",
                "trc20",
                "erc20",
                "tron",
                "sol",
                "solana",
                "钱包",
                "提币",
                "地址",
                "充值",
                "address",
            ],
            name="CryptoRecognizer",
        )

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """With its checksum it is proof; Bitcoin's bech32 without one is a mistyped address."""
        value = match[0]
        if len(set(value[2:])) <= 2:
            return None
        if pattern.name == "base58":
            proven = base58check(value)
        elif pattern.name == "bech32":
            proven = bool(self.validate_bech32_address(value)[0])  # type: ignore[no-untyped-call]
        else:
            proven = False
        return result_of(
            self,
            "CRYPTO",
            match.start(),
            match.end(),
            1.0 if proven else pattern.score,
            verified=proven,
            checked=proven,
        )

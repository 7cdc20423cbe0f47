# ruff: noqa: E501 - expressions and word lists are read line by line
"""E-mail addresses: Presidio's recognizer with a pattern of ours and without the network.

Format: RFC 5321/5322 dot-atom, RFC 6531 letters of other alphabets but for Chinese, Japanese and Korean ones: those are written
without a space before the address and are not part of it. Presidio validates with ``tldextract``, which fetches the public
suffix list from the internet at first use and knows no internal or reserved domain; here the form decides.
Addresses of machines and of the mail system's roles (``root@``, ``noreply@``, message ids) point at nobody and are not reported.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult
from presidio_analyzer.predefined_recognizers import EmailRecognizer as PresidioEmailRecognizer

from detectors.recognizers.strict import StrictPatterns, result_of
from detectors.recognizers.word_list import read_words

_WORD = r"[0-9A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f]"
_NOT_A_DOMAIN = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "bmp",
        "css",
        "scss",
        "js",
        "mjs",
        "cjs",
        "ts",
        "tsx",
        "jsx",
        "json",
        "html",
        "htm",
        "xml",
        "yaml",
        "yml",
        "toml",
        "md",
        "txt",
        "py",
        "pyc",
        "rb",
        "go",
        "rs",
        "java",
        "kt",
        "class",
        "jar",
        "so",
        "dll",
        "exe",
        "sh",
        "bat",
        "conf",
        "cfg",
        "ini",
        "lock",
        "log",
        "map",
        "pdf",
        "zip",
        "gz",
        "tgz",
        "tar",
        "vue",
    ]
)
"""Last labels that say file, not host (``logo@2x.png``). None of them is a person's mail domain."""

_ROLES = read_words("role_accounts")
_MACHINE = regex.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{12,}|.{1,40}\+[0-9a-f]{16,}|\d{14}[.\-].*",
    regex.IGNORECASE,
)
"""Local parts that a program made up: UUIDs, hexadecimal digests, time stamps."""
_MESSAGE_ID = regex.compile(
    r"(?:^|[\n\"'{,])[ \t]*(?:message[-_]?id|in-reply-to|references|content-id|resent-message-id)[\"']?[ \t]*[:=][^\n]*$|\nUID:$",
    regex.IGNORECASE,
)


def is_machine(text: str, start: int, local: str) -> bool:
    """True if the address at ``start`` names a program, a role of the mail system or a message rather than a person."""
    bare = local.lower().partition("+")[0]
    return bool(bare in _ROLES or _MACHINE.fullmatch(local) or _MESSAGE_ID.search(text, max(0, start - 200), start))


_USERINFO = regex.compile(r"[a-z][a-z0-9+.\-]*://[^\s/?#@\"'<>]*$", regex.IGNORECASE)


class EmailRecognizer(StrictPatterns, PresidioEmailRecognizer):
    """``EMAIL_ADDRESS``."""

    LITERALS: ClassVar = ("@", "[at]", "(at)", "{at}", " at ", "＠")

    def __init__(self) -> None:
        super().__init__(
            patterns=[
                Pattern(
                    "address",
                    rf"(?<!{_WORD})(?<![._%+\-@]){_WORD}(?:[0-9A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f.!#$&'*+/=?^_`{{|}}~%\-]{{0,62}}[0-9A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f_+\-])?"
                    rf"@(?:{_WORD}(?:[0-9A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f\-]{{0,61}}{_WORD})?\.){{1,8}}(?:xn--[a-z0-9\-]{{2,59}}|[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f]{{2,24}})(?![0-9A-Za-z_])",
                    0.95,
                ),
                Pattern(
                    "spelled",
                    r"(?<![0-9A-Za-z])[0-9A-Za-z](?:[0-9A-Za-z._+\-]|\[dot\]|\(dot\)|(?: dot )){1,62}?(?:\s?[\[({]\s?at\s?[\])}]\s?(?:[0-9A-Za-z\-]{1,63}(?:\s?[\[({]\s?dot\s?[\])}]\s?|\.)){1,4}|\s?[@＠]\s(?:[0-9A-Za-z\-]{1,63}[.．]\s?){1,4}| at (?:[0-9A-Za-z\-]{1,63}(?: [a-z\-]{1,20})? dot ){1,4})[A-Za-z]{2,24}(?![0-9A-Za-z])",
                    0.8,
                ),
            ],
            context=["email", "e-mail", "mail", "邮箱", "邮件", "電郵", "信箱"],
            name="EmailRecognizer",
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """False for file names; None else: a form is no proof."""
        return False if pattern_text.rpartition(".")[2].lower() in _NOT_A_DOMAIN else None

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Not the user part of a URL (``scheme://user:secret@host``), nor a machine's; without the key of ``key=a@b.c``."""
        start, end = match.span()
        value = match[0]
        if pattern.name == "spelled":
            return result_of(self, "EMAIL_ADDRESS", start, end, pattern.score)
        local = value.partition("@")[0]
        if "=" in local or "'" in local or "/" in local or "`" in local or "|" in local or "?" in local or "&" in local:
            cut = max(local.rfind(mark) for mark in "=/'`|?&") + 1
            if cut >= len(local):
                return None
            start, local = start + cut, local[cut:]
        if start > 0 and text[start - 1] == "\\" and local[0] in "nrt" and len(local) > 1:
            start += 1
        if is_machine(text, start, local):
            return None
        if self.validate_result(text[start:end]) is False or _USERINFO.search(text, max(0, start - 300), start):
            return None
        return result_of(self, "EMAIL_ADDRESS", start, end, pattern.score)

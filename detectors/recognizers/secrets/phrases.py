# ruff: noqa: E501 - expressions and word lists are read line by line
"""Passwords and one-time codes in sentences whose words stand between cue and value.

"pw for dataroom northg8-Spring", "the temp password you gave me Tulip!Bridge88", 密码改成#5580*, 取件码我发你,3-8-1107, 新的是 tEst-9Kp. ``assignment`` has
the direct forms. Where the cue is far, the value must look like no word. May import ``strict`` and ``guards``.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.recognizers.secrets.guards import is_code, is_placeholder, looks_random
from detectors.recognizers.strict import Patterns

_VALUE = r"(?P<value>(?=[\x21-\x7e]{0,40}[0-9])[A-Za-z0-9#@$!%^*&_+=~.\-]{5,64})(?![A-Za-z0-9#@$!%^*&_+=~])"
_CODE = r"(?P<value>[#*]?[0-9]{1,8}(?:-[0-9]{1,6}){0,4}(?-i:[A-Z])?[*#]?)(?![0-9A-Za-z%])"
_AFTER_CODE = regex.compile(
    r"\.[0-9]|[ \t]?(?:%|ms|kb|mb|gb|usd|eur|元|块|个|次|条|秒|分钟|天|年|月|日|岁|人|张|页|字|层|楼)", regex.IGNORECASE
)
_NOT_BEFORE = regex.compile(
    r"(?:response|status|error|exit|return|http|country|postal|zip|area|dress|product|promo|discount|currency|language|colou?r|hs|icd-?10|cpt|sort|swift|bank|source|job|country-?|reason|event|type|city|line|dial)[ _-]?$",
    regex.IGNORECASE,
)


class SecretPhraseRecognizer(Patterns):
    """``SECRET``."""

    ENTITY = "SECRET"
    LITERALS: ClassVar = (
        "pw ",
        "pass",
        "pin ",
        "code",
        "key safe",
        "keysafe",
        "new:",
        "密码",
        "密碼",
        "口令",
        "码",
        "碼",
        "新的是",
        "新密",
        "-p'",
        '-p"',
        "-u ",
        "jdbc:oracle",
        "memorable",
        "security word",
        "暗号",
    )
    PATTERNS: ClassVar = (
        ("for", rf"(?<![A-Za-z])(?:pw|pwd|pass(?:word|code|phrase)?)\s+(?:for|to|of|on|in)\s+(?:the\s+)?[\w.\-]{{2,24}}(?:\s[\w.\-]{{2,24}})?(?:\s*[:=]\s*|\s+)(?:is\s+)?{_VALUE}", 0.6),
        ("told", rf"(?<![A-Za-z])(?:pw|pwd|pass(?:word|code)?)\s+(?:you|they|he|she|we|i|it|that|which)\s+(?:[a-z']{{1,10}}\s+){{1,5}}?{_VALUE}", 0.6),
        ("new", rf"(?:pass(?:word)?|pw|pwd|密码|密碼|口令)[^\n]{{0,40}}?(?:new(?: one)?(?: is)?\s?[:=]|新的(?:是|为|叫|改成))\s*{_VALUE}", 0.65),
        ("changed", r"(?:密码|密碼|口令)(?:[^\n,。;:]{0,12}?)(?:改成|改为|換成|换成|设成|设为|重置成|重置为|变成|是)了?\s?[:：「“\"']?(?P<value>[\x21\x23-\x26\x2a-\x2b\x2d-\x3a\x3c-\x7e]{4,64})", 0.65),
        ("code-is", rf"(?<![A-Za-z])(?:pass)?code\s+(?:is|was|=|:)\s*{_CODE}", 0.6),
        ("code-back", r"(?<![A-Za-z])code on (?:the )?back(?:\s+(?:is|:))?\s*(?P<value>[0-9]{3,4})(?![0-9])", 0.7),
        ("key-safe", rf"(?<![A-Za-z])(?:key ?safe|lock ?box|gate|alarm|door)(?: code| pin)?\s+(?:is|:)\s*{_CODE}", 0.6),
        ("chinese-code", rf"(?:取件码|取件碼|取货码|取餐码|开门码|开箱码|提取码|授权码|授權碼|验证码|驗證碼|动态码|门禁码|抽屉密码|门锁密码|柜子密码|保险箱密码|锁屏密码|支付密码|查询密码|解压密码|(?:门禁|门|抽屉|柜|箱|锁)(?:的)?密码)[^\n0-9A-Za-z#*]{{0,10}}{_CODE}", 0.65),
        ("shell", r"(?<![0-9A-Za-z])-(?:p|pw|-password)[ =]?'(?P<value>[^'\n]{4,100})'", 0.75),
        ("shell-double", r"\b(?:mysql|mysqldump|mariadb|sshpass|psql|mongo(?:sh)?|redis-cli|curl|sqlplus)\b[^\n|;]{0,120}? -(?:p|pw|a)[ ]?\"(?P<value>[^\"$\n]{4,100})\"", 0.75),
        ("curl-user", r"\bcurl\b[^\n|;]{0,160}? (?:-u|--user)[ =]?[\"']?[\w.@\-]{1,60}:[\"']?(?P<value>[^\s\"'$`]{4,100})[\"']?", 0.75),
        ("oracle", r"jdbc:oracle:thin:(?P<value>[\w$]{1,40}/[^\s@]{3,80})@", 0.85),
        ("word", r"(?<![A-Za-z])(?:memorable|security|secret|code|safe) word (?:is|was)(?: it)?:? [\"'“]?(?P<value>(?-i:[A-Z][a-z]{3,20}|[a-z]{5,20}[0-9]{1,4}))(?![A-Za-z])", 0.55),
        ("chinese-word", r"(?:暗号|口令|安全词)(?:是|为|:|:)\s?[「“\"'](?P<value>[\u4e00-\u9fff0-9A-Za-z]{2,16})[」”\"']", 0.6),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """No placeholders, code, or numbers with a unit; far from its cue only what looks random."""
        value = match["value"]
        if (is_placeholder(value) and pattern.name != "code-back") or (is_code(value) and not looks_random(value)):
            return None
        if pattern.name in ("code-is", "key-safe", "chinese-code"):
            digits = sum(map(str.isdigit, value))
            if digits < (4 if pattern.name == "code-is" else 3) or _AFTER_CODE.match(text, match.end("value")):
                return None
            if _NOT_BEFORE.search(text, max(0, match.start() - 16), match.start()):
                return None
        elif pattern.name in ("for", "told", "new", "changed") and not (
            looks_random(value) or (pattern.name == "changed" and value.strip("#*").isdigit())
        ):
            return None
        return super().judge(text, match, pattern)

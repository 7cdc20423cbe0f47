# ruff: noqa: E501 - expressions and word lists are read line by line
"""What only looks like a secret: placeholders, variables, code. Shared by the recognizers of this folder."""

from __future__ import annotations

import math
import re
from collections import Counter

_WORDS = re.compile(
    r"(?:none|null|nil|undefined|true|false|yes|no|on|off|empty|unset|todo|tbd|n/?a|string|str|text|int|bytes|number|boolean|object|any|void|char|varchar\d*"
    r"|redacted|masked|hidden|removed|omitted|secret|password|passwd|pwd|pass|token|key|apikey|api_key|value|example|sample|placeholder|dummy|test|required|optional|default|invalid|missing|expired"
    r"|your.*|my[-_]?(?:password|secret|token|key)|change[-_]?(?:me|it|this).*|replace.*|insert.*|enter.*|put.*here|foo|bar|baz|abc|x+|\*+|\.+|-+|_+|#+|•+|basic|bearer|密码|口令|您的.*|你的.*|请.*)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"\$\{|\$\(|\{\{|<[^>]*>?|%\(|%[sdv]\b|\$[A-Za-z_]|\{[a-z_]*\}|\[[A-Z_ ]+\]"
    r"|(?:os\.|process\.|env\.|ENV\[|getenv|environ|config\.|settings\.|self\.|this\.|secrets\.|vault\.|var\.|local\.|data\.|args\.|options\.|req\.|request\.|params\.|props\.)",
)
_PASSED = re.compile(r"(?<![A-Za-z])PASS: \Z")
_TEST = re.compile(
    r"(?:[A-Za-z_.\-]+/)*(?:Test(?:[A-Z][a-z]+)+/|tests?[\w./\-]*::|test_[\w./\-]*::|[a-z_]+\.(?:py|rs|ts)::)\S*"
)
_TYPE = re.compile(
    r"(?:Optional|List|Option|Maybe|Union|Secret|Sequence|Vec|Array|Promise|Dict|Map)(?:Str|Bytes)?\b[\[<]?|SecretStr|String|&?(?:'static )?str\b"
)


def is_placeholder(value: str) -> bool:
    """True if ``value`` stands for a secret instead of being one."""
    bare = value.strip("\"'`,; ")
    if not bare or _WORDS.fullmatch(bare) or _VARIABLE.match(bare):
        return True
    lowered = bare.lower()
    return (
        len(set(bare)) <= 2
        or lowered.endswith(("_here", "-here", ">"))
        or "xxxx" in lowered
        or "****" in bare
        or lowered == "example"
    )


def is_code(value: str) -> bool:
    """True for an expression, an attribute, a call or a type rather than a literal."""
    return bool(
        _TYPE.match(value)
        or re.match(r"[A-Za-z_][\w.]*\(", value)
        or re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\[.*)?", value)
        or re.fullmatch(r"[A-Za-z_]\w*\[.*", value)
    )


def is_passed_test(text: str, start: int, value: str) -> bool:
    """True for what a test runner says behind ``PASS: ``: Go's ``TestScheduler/retries``, ``tests/test_x.py::test_y``."""
    return _PASSED.search(text, max(0, start - 8), start) is not None and _TEST.fullmatch(value) is not None


def entropy(value: str) -> float:
    """Shannon entropy in bits a character of the value's own characters."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def looks_random(value: str) -> bool:
    """True if letters and digits (or cases, or punctuation) mix as words do not."""
    kinds = sum((any(map(str.isdigit, value)), any(map(str.islower, value)), any(map(str.isupper, value)), any(not c.isalnum() and c not in "_-." for c in value)))  # fmt: skip
    return (
        (kinds >= 2 and any(map(str.isdigit, value)))
        or (kinds >= 3)
        or (len(value) >= 16 and entropy(value) > 3.5 and kinds >= 2)
    )

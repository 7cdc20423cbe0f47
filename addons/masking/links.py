"""Where in a text an address stands: bare URLs, and the targets of Markdown, HTML and CSS.

Rules for this file: pure, incremental (the answer does not depend on how the text was cut), knows nothing of
placeholders, imports nothing of ours.

What a client's renderer takes for part of an address is what counts, so this errs on the side of *yes*: a bare URL goes
on until ASCII space or ``<`` (GitHub Flavored Markdown, "extended autolinks"), whatever else stands in it, Chinese
punctuation included; a Markdown target (CommonMark 0.31, "Links") until its parenthesis closes. An address has ended
where the link around it has: ``[text](https://example.com)``, ``href="..."``.
"""

from __future__ import annotations

import re

_TAIL = 320
"""Characters kept to see an opening that is cut; host names have up to 253."""
_MAX_ADDRESS = 8192
"""Longer addresses are still addresses; their beginning is not remembered."""

_SCHEME = 64
"""What of a longer word before ``://`` is remembered: what lies in the tail however the text is cut."""
_COLON = r"(?::|&colon;|&#0*58;|&#x0*3a;)"
_SLASH = r"(?:\\{0,8}(?:/|&sol;|&#0*47;|&#x0*2f;))"
_START = re.compile(
    rf"[a-z0-9+.-]{{0,{_SCHEME}}}{_COLON}{_SLASH}{_SLASH}"
    r"|(?<![\w.+@-])www\."
    r"|(?<![\w./+@\\:-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}[a-z]{2,24}(?::\d{1,5})?[/?#]",
    re.IGNORECASE,
)
"""What a bare address begins with: anything with ``://``, ``www.``, or a host name and what follows one."""
_BREAK = re.compile(r".*[\x00-\x20<]", re.DOTALL)
_FETCHED = r"src|href|srcset|imagesrcset|poster|formaction|background|ping|lowsrc|dynsrc|longdesc"
_AMBIGUOUS = r"data|action|content|cite|srcdoc|style"
_OPENING = re.compile(
    r"(?P<paren>\]\(|(?<![\w-])url\()"
    r"|\]:\s{0,16}(?:(?P<angle><)|(?P<line>//|\\\\|\\/|/\\|[a-z][a-z0-9+.-]{1,20}:\S))"
    rf"|(?<![\w-])(?:{_FETCHED})\s{{0,8}}=\s{{0,8}}(?:(?P<quoted>[\"'])|(?P<word>[^\s\"'=>]))"
    rf"|(?<![\w-])(?:{_AMBIGUOUS})\s{{0,8}}=\s{{0,8}}(?P<value>[\"'])",
    re.IGNORECASE,
)
"""What a target begins with. No opening lies within another, so the first to end is the first to begin."""
_ANCHOR = re.compile(r"\]\(|[uU][rR][lL]\(|\]:|=")
"""What every opening holds; cheap to look for."""
_NAME = re.compile(rf"(?<![\w-])(?:{_FETCHED}|{_AMBIGUOUS})\s{{0,8}}\Z", re.IGNORECASE)
_LONGEST_NAME = 24
_LONGEST_OPENING = 48
_IN_TAG = re.compile(r"<[a-z][^<>]{0,280}\Z", re.IGNORECASE)
_LABEL = re.compile(r"\[[^\[\]`<\\\n]{0,300}\]\(\Z")
_PLAIN_TARGET = re.compile(r"[^\s()<>\\`\"']*")
_STEP = {
    "paren": re.compile(r"[()\n\\]"),
    "angle": re.compile(r"[>\n]"),
    "line": re.compile(r"\s"),
    "word": re.compile(r"[\s>]"),
    '"': re.compile(r'"'),
    "'": re.compile(r"'"),
}


class Links:
    """Reads a text; says whether its end lies in an address, and what of that address came so far."""

    __slots__ = ("_bare", "_depth", "_escaped", "_kind", "_label", "_since", "_tail", "_target")

    def __init__(self) -> None:
        self._tail = ""
        self._since = 0
        """From here in the tail on an opening counts; what is before was part of one."""
        self._bare: str | None = None
        self._kind = ""
        """What kind of target we are in; empty: in none."""
        self._target = ""
        self._depth = 0
        self._escaped = False
        self._label = False
        """The target belongs to a Markdown link beyond doubt."""

    @property
    def address(self) -> str | None:
        """The address that the next character would go into, as far as it came; None outside of any."""
        return self._target if self._kind else self._bare

    def copy(self) -> Links:
        """Another one in the same state."""
        other = Links()
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def begin(self, address: str) -> None:
        """What was fed last stands for a whole address."""
        if not self._kind and self._bare is None:
            self._bare = address

    def feed(self, text: str) -> None:
        """Read on."""
        begin = len(self._tail)
        text = self._tail + text
        position, since = begin, self._since
        while position < len(text):
            if self._kind:
                end = self._read_target(text, position)
                self._read_bare(text, position, end, since)
                position = end
                if not self._kind and self._ends_address():
                    self._bare, since = None, position
                continue
            opening = self._next_opening(text, position, since)
            end = opening.end() if opening is not None else len(text)
            self._read_bare(text, position, end, since)
            position = end
            if opening is not None and (opening.lastgroup != "value" or _in_tag(text, opening)):
                self._open(opening, text)
        cut = max(0, len(text) - _TAIL)
        self._tail, self._since = text[cut:], max(0, since - cut)

    def _next_opening(self, text: str, position: int, since: int) -> re.Match[str] | None:
        start = max(since, position - _LONGEST_OPENING)
        for anchor in _ANCHOR.finditer(text, start):
            at = anchor.start()
            if text[at] == "=":
                name = _NAME.search(text, max(since, at - _LONGEST_NAME), at)
                if name is None:
                    continue
                at = name.start()
            found = _OPENING.match(text, at)
            if found is not None and found.end() > position:
                return found
        return None

    def _open(self, opening: re.Match[str], text: str) -> None:
        kind = opening.lastgroup or ""
        self._kind = opening[kind] if kind in ("quoted", "value") else kind
        self._depth, self._escaped, self._target = 0, False, ""
        if kind in ("line", "word"):
            self._target = opening[kind]
        start = max(0, opening.end() - _TAIL)
        self._label = kind == "paren" and _LABEL.search(text[start : opening.end()]) is not None

    def _read_target(self, text: str, position: int) -> int:
        """Follow a target to its end, or to the end of the text; returns how far."""
        begun = position
        while position < len(text):
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            step = _STEP[self._kind].search(text, position)
            if step is None:
                position = len(text)
                break
            position = step.end()
            if self._closes(step[0], text[begun : position - 1]):
                self._kept(text[begun : position - 1])
                self._kind = ""
                return position
        self._kept(text[begun:position])
        return position

    def _closes(self, char: str, before: str) -> bool:
        if self._kind != "paren":
            return True
        if char == "\\":
            self._escaped = True
        elif char == "(":
            self._depth += 1
        elif char == ")":
            self._depth -= 1
            return self._depth < 0
        else:
            return bool((self._target + before).strip())
        return False

    def _kept(self, text: str) -> None:
        self._target = (self._target + text)[: _MAX_ADDRESS + 1]

    def _ends_address(self) -> bool:
        """True if no renderer takes what follows the target for more of its address."""
        return self._depth >= 0 or (self._label and _PLAIN_TARGET.fullmatch(self._target) is not None)

    def _read_bare(self, text: str, position: int, end: int, since: int) -> None:
        """Follow bare addresses through ``text[position:end]``."""
        last = _last_break(text, position, end)
        if self._bare is not None:
            if last < 0:
                self._bare = (self._bare + text[position:end])[: _MAX_ADDRESS + 1]
                return
            self._bare = None
        if last < 0:
            start = max(since, position - _TAIL)
            last = max(start, _last_break(text, start, position))
        word = max(last, since)
        begun = next((found for found in _START.finditer(text, word, end) if found.end() > position), None)
        if begun is not None:
            self._bare = text[begun.start() : end]


def _last_break(text: str, start: int, end: int) -> int:
    """Behind the last character of ``text[start:end]`` that ends a bare address; -1 if there is none."""
    found = _BREAK.match(text, start, end)
    return -1 if found is None else found.end()


def _in_tag(text: str, opening: re.Match[str]) -> bool:
    """True if the attribute that opens there stands in an HTML tag."""
    return _IN_TAG.search(text, max(0, opening.start() - _TAIL + 30), opening.start()) is not None

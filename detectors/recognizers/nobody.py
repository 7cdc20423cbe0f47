# ruff: noqa: E501 - expressions are read line by line
"""What the model takes for a person's number or account and is nobody's: standards, books, codes, parts, builds; packages, annotations, services.

The value's own form says so, or the cue directly before it (``thing_cues.txt``), and no word of its clause says that it could be a person's
(``person_cues.txt``): then the value stays. Pure; may import the word lists only.
"""

from __future__ import annotations

import re

from detectors.recognizers.word_list import read_words

_YEAR = r"(?:[-–—:](?:19|20)\d\d)?"
_STANDARD = (
    rf"(?:GB|GBZ|GBJ|JGJ|CJJ|CJ|JTG|YD|YY|HG|HJ|DL|NB|QB|WS|TB|AQ|GA|JB|JC|JG|CECS|DB\d\d)(?:/[TZ])?[ \-]?[A-Z]?\d{{2,5}}(?:\.\d{{1,3}})*{_YEAR}"
    rf"|T/[A-Z]{{2,8}} \d{{3,5}}{_YEAR}"
    rf"|(?:ISO|IEC|DIN|EN|BS|JIS|ANSI|AS|NZS|ETSI|ECMA|UL|SAE|ASME|NFPA)(?:[/ ](?:ISO|IEC|EN|NZS|TS|TR|PAS|SAE|IEEE|ASTM))*[ \-]?[A-Z]?\d{{2,5}}(?:[-.]\d{{1,3}}){{0,3}}{_YEAR}"
    r"|ASTM[ \-][A-G]\d{1,4}(?:/[A-G]\d{1,4}M?)?M?(?:-\d{2}[a-z]?)?"
    r"|(?:RFC|PEP|BIP|EIP|ERC)[ \-]?\d{1,5}|IEEE(?: Std)?[ \-]?\d{3,4}(?:\.\d{1,2}[a-z]{0,3})?(?:-\d{4})?"
    r"|(?:NIST )?(?:SP|IR|FIPS)[ \-]?\d{2,4}(?:-\d{1,3}[A-Z]?)?(?:[ ,]?(?:Rev\.?|r) ?\d)?|MIL-(?:STD|PRF|DTL|SPEC)-\d{3,5}[A-Z]?"
    r"|ITU-T [A-Z]\.\d{1,4}|\d{1,2} (?:CFR|U\.?S\.?C\.?)(?: (?:§{1,2} ?|Part )?\d{1,5}(?:\.\d{1,4})*)?"
)
_PUBLISHED = (
    r"ISBN(?:-1[03])?[: ]{0,3}[\dX][\d\- ]{8,16}[\dX]|97[89]-\d{1,5}-\d{1,7}-\d{1,6}-\d|ISSN[: ]{0,3}\d{4}-\d{3}[\dX]"
    r"|10\.\d{4,9}/[^\s\"'<>]{2,80}|arXiv:[ ]?\d{4}\.\d{4,5}(?:v\d{1,2})?|(?:CVE|CAN)-(?:19|20)\d\d-\d{4,7}|GHSA(?:-[0-9a-z]{4}){3}|CWE-\d{1,4}"
)
_CODED = (
    r"(?:ICD(?:-?\d{1,2})?(?:-[A-Z]{2,3})?|CPT|HCPCS|NDC|LOINC|SNOMED(?:[ \-]?CT)?|RxNorm|RXCUI|ATC|CAS|HS|HTS|HSN)(?:[ \-]?(?:codes?|no\.?|number|RN|编码|代码))?[\s:：#=(（]{1,3}[A-Z]{0,2}\d[\dA-Z.\-]{1,17}"
    r"|UN[ \-]?\d{4}(?!\d)"
)
_COMPUTED = (
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{40}(?:[0-9a-f]{24})?"
    r"|(?i:commit|sha|revision|checkout|cherry-pick|merge|revert|HEAD|提交)[\s:：=(\"'`]{1,3}[0-9a-f]{7,40}|[0-9a-f]{7,12}\.\.\.?[0-9a-f]{7,12}"
    r"|v?(?!\d{1,3}(?:\.\d{3})+(?![\d.])|\d{3}\.\d{3}\.|\d\d\.\d\d\.(?:\d\d|\d{4})(?!\d))\d{1,3}\.\d{1,4}\.\d{1,5}(?:-(?:rc|alpha|beta|dev|pre|snapshot|SNAPSHOT)[.\-]?\d{0,4})?(?:\+[0-9A-Za-z.\-]{1,24})?|v\d{1,3}\.\d{1,3}(?:-(?:rc|alpha|beta)\.?\d{0,3})?"
)
_FORM = re.compile(rf"(?<![0-9A-Za-z_.\-])(?:{_STANDARD}|{_PUBLISHED}|{_CODED}|{_COMPUTED})(?![0-9A-Za-z_]|-\w)")
_AROUND = 48
"""Code points before and after a value in which its form may begin and end."""


def _any_of(words: frozenset[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_GLUE = r"\.?(?i:[ _\-]?(?:nos?\.?|numbers?|num|nr|codes?|id|#|号码?|號碼?|编号|代码)(?![A-Za-z]))?[ \t]*(?i:is |为|是)?[ \t:：=#.\"'`(（\[]{0,4}"
_CUES = read_words("thing_cues")
_THING = re.compile(
    rf"(?:(?<![0-9A-Za-z/])(?i:{_any_of(frozenset(filter(str.isascii, _CUES)))})(?![A-Za-z])|(?:{_any_of(frozenset(cue for cue in _CUES if not cue.isascii()))})){_GLUE}"
)
_PERSON = re.compile(rf"(?:(?<![A-Za-z])|(?=[^\x00-\x7f]))(?i:{_any_of(read_words('person_cues'))})(?:s(?![A-Za-z])|(?![a-z]))|(?<=[a-z])(?:User|Customer|Client|Patient|Member|Account|Employee)(?![a-z])")  # fmt: skip
_SENTENCE_ENDS = re.compile(r"[\n;；。！!?？]|\.(?=\s)")
_CLAUSE_ENDS = re.compile(r"[\n;；。！!?？,，、{}|\t]|\.(?=\s)")
_BEFORE, _AFTER = 120, 40


def is_nobodys_number(text: str, start: int, end: int) -> bool:
    """True if ``text[start:end]`` is a standard's, a publication's, a code's, a part's or a build's number, and no person's.

    What a form proves may stand beside a person in another clause; what only a cue says may not even in the sentence.
    """
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    if any(found.start() <= start and end <= found.end() for found in _FORM.finditer(text, low, high)):
        return not _person_near(text, start, end, _CLAUSE_ENDS)
    if _is_behind_cue(text, start, end):
        return not _person_near(text, start, end, _SENTENCE_ENDS)
    return False


def _is_behind_cue(text: str, start: int, end: int) -> bool:
    """A cue ends where the value begins, or the value itself begins with one that stands apart from its digits."""
    within = _THING.match(text, start, end)
    if within is not None and not re.match("[0-9A-Za-z]", text[within.end() - 1]):
        return True
    return any(found.end() == start for found in _THING.finditer(text, max(0, start - _AROUND), start))


def _person_near(text: str, start: int, end: int, ends: re.Pattern[str]) -> bool:
    low, high = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    for found in ends.finditer(text, low, start):
        low = found.end()
    after = ends.search(text, end, high)
    high = after.start() if after is not None else high
    return _PERSON.search(text, low, start) is not None or _PERSON.search(text, end, high) is not None


_SERVICES = read_words("no_usernames")
_CSS = re.compile(
    r"apply|charset|config|container|counter-style|each|else|extend|font-face|font-feature-values|for|forward|function|if|import|include|keyframes|layer|media|mixin|namespace|page|plugin|property|responsive|return|scope|screen|source|starting-style|supports|tailwind|theme|use|utility|variant|variants|warn|while|-webkit-keyframes|-moz-document"
)
_SCOPE = re.compile(r"@[a-z0-9~][a-z0-9._~\-]*/[a-z0-9._~\-*]")
_TYPE = r"(?=[A-Z]|(?:void|int|long|boolean)\b)[\w.]+(?:<[^\n<>]{1,60}>)?(?:\[\])?"
_ANNOTATED = re.compile(
    r"@[A-Za-z_][\w.]*(?:\("
    r"|(?:\s+@[A-Za-z_][\w.]*(?:\([^()\n]{0,80}\))?){0,4}\s+"
    r"(?:(?:async\s+def|def|export)\s|(?:(?:public|private|protected|internal|static|final|abstract|override|readonly|data|open)\s+)*"
    rf"(?:(?:class|interface|enum|record|object)\s+[A-Z]|fun\s+\w+\(|(?:val|var)\s+\w+\s*[:=]|{_TYPE}\s+\w+(?:\(|\s*=|;[ \t]*$))))",
    re.MULTILINE,
)
"""At the beginning of a line, before code; a line that begins with a mention goes on in prose."""
_PARAMETER = re.compile(rf"@[A-Z]\w*(?:\([^()\n]{{0,80}}\))?\s+{_TYPE}\s+\w+\s*[,)]")


def is_no_account(text: str, start: int, end: int) -> bool:
    """True if ``text[start:end]`` is an npm scope, a decorator or annotation, a CSS at-rule, or a service's account without a host."""
    sign = start if text.startswith("@", start) else start - 1
    if sign >= 0 and text.startswith("@", sign):
        before = text[sign - 1] if sign else "\n"
        if before not in "/." and not before.isalnum():
            name = text[sign + 1 : end]
            at_line = not text[text.rfind("\n", 0, sign) + 1 : sign].strip("+- \t")
            return (
                (_CSS.fullmatch(name) is not None and (at_line or before in ";{} "))
                or _SCOPE.match(text, sign) is not None
                or (at_line and _ANNOTATED.match(text, sign) is not None)
                or (before == "(" and text[sign - 2 : sign - 1].isalnum() and _PARAMETER.match(text, sign) is not None)
            )
        return False
    return text[start:end].lower() in _SERVICES and not text.startswith("@", end)

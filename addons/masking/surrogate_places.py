"""Stand-ins for what has an address: mail boxes, web pages, machines, houses, points on the map; and user names.

Rules for this file: pure; imports ``surrogate_draws`` and ``surrogate_words``. Domains are those of RFC 2606
(``example.com``, ``.net``, ``.org``), networks those of RFC 5737 and RFC 3849, so nothing leads anywhere.
"""

from __future__ import annotations

import ipaddress
import re
import uuid as uuids
from typing import Final

from addons.masking import surrogate_words as words
from addons.masking.surrogate_draws import Draw, Source

_DOMAINS: Final = ("example.com", "example.org", "example.net")
_NETWORKS: Final = ("192.0.2.", "198.51.100.", "203.0.113.")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<host>[^/?#\s:@]+)(?P<port>:[0-9]+)?(?P<rest>[/?#].*)?", re.DOTALL
)
_EXTENSION = re.compile(
    r"\.(?:html?|php|pdf|json|xml|csv|txt|png|jpe?g|gif|svg|zip|docx?|xlsx?|md|aspx?|js|css)(?=$|[?#])", re.IGNORECASE
)
_UNSAFE_IN_URL = re.compile(r"[^&A-Za-z0-9/?#=.:;,@%+~_-]")
_QUERY_NAME = re.compile(r"(?<=[?&;])[A-Za-z_][A-Za-z0-9_.-]*(?==)")
_FLOAT = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]+)?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_STREET_KIND = re.compile(
    r"(?i:st(?:reet)?|r(?:oa)?d|ave(?:nue)?|lane|ln|dr(?:ive)?|blvd|boulevard|close|court|ct|way|place|pl|square|sq|"
    r"apt|apartment|suite|ste|unit|floor|fl|flat|po|box|road|north|south|east|west|usa|uk)"
)
_HAN_KIND = frozenset(
    "省市区县區縣镇鎮乡鄉村路街道巷弄号號室楼樓层層栋棟单單元座幢大厦廈园園小组組州盟旗里东西南北中一二三四五六七八九十"
)


def mail_local(value: str, draw: Draw) -> str:
    """A mail box or user name that is nobody's, with digits where the value has some at its end."""
    tail = re.search(r"[0-9]{1,6}\Z", value)
    name = (draw.pick(words.GIVEN_FRONTS) + draw.pick(words.GIVEN_ENDS)).lower()
    joint = next((sign for sign in "._-" if sign in value), "")
    if joint:
        name += joint + (draw.pick(words.FAMILY_FRONTS) + draw.pick(words.FAMILY_ENDS)).lower()
    return name + (draw.digits(len(tail[0])) if tail else "")


def mail_domain(domain: str, source: Source) -> str:
    """The same reserved domain for the same domain; with as many labels."""
    draw = source.draw("domain", domain.lower())
    labels = domain.count(".") - 1
    reserved = draw.pick(_DOMAINS)
    return f"{draw.pick(words.FAMILY_FRONTS).lower()}{draw.digits(2)}.{reserved}" if labels != 0 else reserved


def url(value: str, source: Source, draw: Draw) -> str | None:
    """The scheme, port, separators, query names and file extension stay; all else is exchanged sign by sign."""
    match = _URL.fullmatch(value)
    if match is None or ("." not in match["host"] and match["scheme"] is None):
        return None
    label = draw.pick(words.FAMILY_FRONTS).lower() + draw.digits(3)
    www = "www." if match["host"].lower().startswith("www.") else ""
    rest = match["rest"] or ""
    kept = [found.span() for pattern in (_QUERY_NAME, _EXTENSION) for found in pattern.finditer(rest)]
    out: list[str] = []
    done = 0
    for start, end in sorted(kept):
        if start >= done:
            out += (draw.shaped(rest[done:start]), rest[start:end])
            done = end
    out.append(draw.shaped(rest[done:]))
    path = _UNSAFE_IN_URL.sub("-", "".join(out))
    return f"{match['scheme'] or ''}{www}{label}.{draw.pick(_DOMAINS)}{match['port'] or ''}{path}"


def ip_address(value: str, draw: Draw) -> str | None:
    """An address of the same family in a documentation network; prefix length and port stay."""
    match = re.fullmatch(r"(?P<open>\[?)(?P<ip>[0-9A-Fa-f:.]+?)(?P<rest>\]?(?:/[0-9]{1,3}|:[0-9]{1,5})?)", value)
    for ip, rest in ((value, ""), (match["ip"], match["rest"]) if match else ("", "")):
        try:
            family = ipaddress.ip_address(ip).version
        except ValueError:
            continue
        if family == 4:
            return f"{draw.pick(_NETWORKS)}{draw.between(1, 254)}{rest}"
        groups = ":".join(f"{draw.between(0x1000, 0xFFFF):x}" for _ in range(4))
        made = f"2001:db8::{groups}"
        made = made.upper() if ip.isupper() else made
        return None if value.startswith("[") else made + rest
    return None


def mac_address(value: str, draw: Draw) -> str | None:
    """00-00-5E-00-53-xx is kept for documentation (RFC 7042, section 2.1.2)."""
    signs = re.sub(r"[^0-9A-Fa-f]", "", value)
    if len(signs) != 12:
        return None
    made = "00005e0053" + draw.letters("0123456789abcdef", 2)
    row = iter(made.upper() if value == value.upper() else made)
    return re.sub(r"[0-9A-Fa-f]", lambda match: next(row), value)


def uuid(value: str, draw: Draw) -> str | None:
    """Another UUID of the same version and variant (RFC 9562) in the same case."""
    if not _UUID.fullmatch(value):
        return None
    digits = list(draw.letters("0123456789abcdef", 32))
    signs = value.replace("-", "").lower()
    digits[12], digits[16] = signs[12], signs[16]
    made = str(uuids.UUID("".join(digits)))
    return made.upper() if value == value.upper() else made


def coordinates(value: str, draw: Draw) -> str | None:
    """A point in the open South Pacific, with as many decimal places; with degrees and letters, another one there."""
    numbers = list(_FLOAT.finditer(value))
    if not numbers or len(numbers) > 6:
        return None
    plain = len(numbers) <= 2 and re.fullmatch(r"[-+0-9., ]+", value) is not None
    out: list[str] = []
    done = 0
    for at, match in enumerate(numbers):
        places = len(match[0].partition(".")[2])
        if plain:
            whole = str(-draw.between(41, 59) if at == 0 else -draw.between(111, 139))
        else:
            digits = len(match[0].lstrip("+-").partition(".")[0])
            whole = ("-" if match[0].startswith("-") else "") + f"{draw.between(1, 59):0{digits}}"[-max(digits, 1) :]
        out += (value[done : match.start()], whole + (f".{draw.digits(places)}" if places else ""))
        done = match.end()
    return "".join([*out, value[done:]])


def address(value: str, draw: Draw) -> str | None:
    """A postal address of the same build: numbers and words exchanged, kinds of streets and Chinese units stay."""
    if not re.search(r"\w", value) or len(value) > 300:
        return None
    text = re.sub(r"\s*[\r\n]+\s*", ", ", value)

    def word(match: re.Match[str]) -> str:
        old = match[0]
        if _STREET_KIND.fullmatch(old):
            return old
        if len(old) <= 2:
            return draw.shaped(old)
        new = draw.pick(words.FAMILY_FRONTS) + draw.pick(words.FAMILY_ENDS)
        return new.upper() if old.isupper() else new.lower() if old.islower() else new

    text = re.sub(r"[0-9]+", lambda match: f"{draw.between(1, 9)}{draw.digits(len(match[0]) - 1)}", text)
    text = _LATIN_WORD.sub(word, text)
    return re.sub(r"[\u3400-\u9fff]", lambda m: m[0] if m[0] in _HAN_KIND else draw.pick(words.ZH_GIVEN), text)


def plate(value: str, draw: Draw) -> str:
    """A licence plate of the same build; a Chinese province stays one."""
    made = draw.shaped(value)
    return re.sub(
        r"[\u4e00-\u9fff]",
        lambda match: draw.pick("京津沪渝冀晋辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云陕甘青宁新藏蒙"),
        made,
    )

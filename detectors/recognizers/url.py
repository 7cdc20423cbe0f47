# ruff: noqa: E501 - expressions and word lists are read line by line
"""URLs that carry a person's or access data: the whole URL is the span. All other URLs are no findings.

What makes a URL one: a user or password before the host (RFC 3986 userinfo); a telling parameter with a value in query or fragment; the
signature of a presigned URL (S3, Google Cloud Storage, Azure SAS, OSS, COS); a webhook's address, which is its own password; a reset or invitation
path; a person's page (``profile_hosts.txt``). Public documentation, packages, news are what code and prose are full of. May import ``strict``,
``secrets.guards`` and the word lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import unquote_plus

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.recognizers.secrets.guards import is_placeholder, looks_random
from detectors.recognizers.strict import Patterns, result_of
from detectors.recognizers.word_list import read_words

_CHAR = r"(?:[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]|[\u3400-\u9fff\u00c0-\u024f]{1,24}(?=[_.\-/?&=#%]))"
_PROFILES = tuple(tuple(line.split()) for line in sorted(read_words("profile_hosts")))
_HOSTS = "|".join(sorted({re.escape(host) for host, _, _ in _PROFILES}))
_NO_NAMES = read_words("profile_no_names")
_PARAMETERS = {name.lower(): kind for kind, name in (line.split() for line in read_words("url_parameters"))}

_PROFILE = re.compile(
    "|".join(
        rf"(?:[a-z0-9\-]+\.)*{re.escape(host)}/{'' if first == '-' else re.escape(first)}(?:{name})/?(?:[?#].*)?"
        for host, first, name in _PROFILES
    ),
    re.IGNORECASE,
)
_FIRSTS = frozenset(re.split(r"[/?]", first)[0] for _, first, _ in _PROFILES)
_WEBHOOK = re.compile(
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]{16,}|(?:canary\.|ptb\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,20}/[\w\-]{30,}"
    r"|[\w.\-]+\.webhook\.office\.com/webhookb2/\S{30,}|[\w.\-]+\.logic\.azure\.com(?::443)?/(?:powerautomate/automations/direct/)?workflows/\S*sig=\S+"
    r"|oapi\.dingtalk\.com/robot/send\?\S*access_token=\w{16,}\S*|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/(?:v2/)?hook/[\w\-]{16,}"
    r"|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?\S*key=[\w\-]{16,}\S*|chat\.googleapis\.com/v1/spaces/\S*token=\S+|api\.telegram\.org/(?:file/)?bot\d{6,}:[\w\-]{20,}\S*"
    r"|hooks\.zapier\.com/hooks/catch/\d+/\w{5,}\S*|maker\.ifttt\.com/trigger/\S+/with/key/[\w\-]{10,}|sctapi\.ftqq\.com/\w{10,}\.send\S*|api\.day\.app/\w{16,}\S*|hook\.(?:eu\d|us\d)\.make\.com/\w{16,}",
    re.IGNORECASE,
)
_ACCESS_PATH = re.compile(
    r"/(?:[\w\-]*reset[\w\-]*|invit(?:e|ation)s?|verify|confirm|activat(?:e|ion)|magic(?:-?link)?|unsubscribe|joinchat|one-?time|password)/(?:\w{1,12}/)?(?P<value>[\w\-.=~]{10,})(?:[/?#]|$)"
    r"|^(?:chat\.whatsapp\.com/|t\.me/\+|t\.me/joinchat/|discord\.gg/)(?P<value2>[\w\-]{7,})",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"&amp;|&|;|%26")
_TRAILING = ".,;:!?'*_~"
_DUMMY_USERS = frozenset(["admin", "administrator", "root", "test", "tester", "demo", "guest", "me", "user", "username", "users", "anonymous", "foo", "bar", "default", "all", "none", "self", "git", "oauth2", "x-access-token", "octocat", "id", "name", "current", "system"])  # fmt: skip
_MANUAL = re.compile(r"X{6,}|0{8,}|\.\.\.|YOUR|[<{$]|%7B|%3C", re.IGNORECASE)
"""What manuals put in place of data."""
_FAMILY = re.compile(r"[\u4e00-\u9fff·]{2,5}|[^\W\d_]{2,20}(?:[ .'\-]{1,2}[^\W\d_]{1,20}){1,3}")


def _is_name(path: str) -> bool:
    """True if the beginning of a profile's path can be a person's name."""
    first = re.split(r"[/?#]", path)[0].lower()
    return not (
        first in _NO_NAMES and (path.lower().rstrip("/") == first or first not in _FIRSTS)
    ) and not is_placeholder(path.rstrip("/").rpartition("/")[2])


def parameters(rest: str) -> Iterator[tuple[str, str]]:
    """Names (lower case, without ``_`` and ``-``) and decoded values in the query and fragment of a URL."""
    _, _, tail = rest.partition("?") if "?" in rest else rest.partition("#")
    for part in _SPLIT.split(tail.replace("#", "&").replace("?", "&")):
        name, equals, value = part.partition("=")
        if equals and value:
            yield re.sub(r"[_\-]|%5[bBdD]|[\[\]]", "", name.lower()), unquote_plus(value)


def _tells(name: str, value: str) -> bool:
    """True if a parameter of this name and value opens a door or points at somebody."""
    kind = _PARAMETERS.get(name)
    if kind is None or is_placeholder(value) or _MANUAL.search(value):
        return False
    if kind == "secret":
        if name in ("pwd", "pass", "passwd", "password", "pw", "pin", "otp", "passcode", "extractcode"):
            return len(value) >= 4
        if name in ("code", "verifycode", "verificationcode"):
            return (value.isdigit() and len(value) >= 4) or (len(value) >= 6 and looks_random(value))
        if name in ("t", "key", "hash", "nonce", "verify", "sign", "reset", "auth", "cred"):
            return (
                len(value) >= 8
                and looks_random(value)
                and not value.isdigit()
                and not re.fullmatch(r"[0-9.\-:]+|v?\d[\w.\-]{0,8}", value)
            )
        return len(value) >= 6 and (looks_random(value) or len(value) >= 16)
    if name in ("name", "fullname", "realname", "firstname", "lastname", "surname", "recipient", "customer", "patient"):
        return bool(_FAMILY.fullmatch(value))
    if name in ("m", "u", "pid", "account", "acct", "login", "member", "emp"):
        return (
            "@" in value
            or bool(re.fullmatch(r"[a-z]{2,20}[._][a-z]{2,20}\d{0,4}", value))
            or (
                name in ("u", "login", "account")
                and value.isalnum()
                and len(value) >= 4
                and value.lower() not in _DUMMY_USERS
                and not value.isdigit()
            )
        )
    if name in ("tel", "phone", "mobile", "phonenumber", "msisdn", "cell", "cellphone", "telephone", "contactphone"):
        return sum(map(str.isdigit, value)) >= 7
    if name in ("mail", "email", "emailaddress", "usermail"):
        return "@" in value
    return len(value) >= 3 and value.lower() not in _DUMMY_USERS and (not value.isdigit() or len(value) >= 4)


def is_telling(url: str) -> bool:
    """True if the URL (with or without scheme) carries a person's or access data."""
    rest = url.partition("://")[2] or url
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    userinfo, at, host = authority.rpartition("@")
    if at and userinfo and "://" in url:
        user, _, password = userinfo.partition(":")
        if password and not is_placeholder(password) and not _MANUAL.search(password):
            return True
        if not password and user.lower() not in _DUMMY_USERS and not is_placeholder(user) and not _MANUAL.search(user):
            return True
        rest = rest[len(userinfo) + 1 :]
    if _WEBHOOK.match(rest):
        return not _MANUAL.search(rest)
    profile = _PROFILE.fullmatch(rest)
    if profile is not None and _is_name(profile[0].partition("/")[2]):
        return True
    path = rest.split("?")[0].split("#")[0]
    access = _ACCESS_PATH.search(path)
    if access is not None:
        value = access["value"] or access["value2"]
        if (
            any(map(str.isdigit, value))
            and looks_random(value)
            and not is_placeholder(value)
            and not re.fullmatch(r"[\d.\-]+", value)
        ):
            return True
    return bool(host) and any(_tells(name, value) for name, value in parameters(rest))


class PersonalUrlRecognizer(Patterns):
    """``URL``."""

    ENTITY = "URL"
    LITERALS: ClassVar = ("://", *sorted({f"{host}/" for host, _, _ in _PROFILES}))
    NEEDS: ClassVar = {"url": ("://",)}
    PATTERNS: ClassVar = (
        ("url", rf"(?<![0-9A-Za-z])(?:https?|wss?|ftps?)://{_CHAR}{{4,2000}}+", 0.85),
        ("bare", rf"(?<![0-9A-Za-z@./\-])(?:[a-z0-9\-]{{1,20}}\.){{0,2}}(?:{_HOSTS})/{_CHAR}{{3,200}}+", 0.7),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """The URL without the punctuation of the sentence around it, if it tells something."""
        start, end = match.span()
        end = _end(text, start, end)
        if not is_telling(text[start:end]):
            return None
        return result_of(self, self.ENTITY, start, end, pattern.score, verified=True)


def _end(text: str, start: int, end: int) -> int:
    """Where the URL ends: before the sentence's punctuation and a bracket that was opened before it."""
    while end > start:
        last = text[end - 1]
        opening = {")": "(", "]": "["}.get(last)
        if last in _TRAILING or (opening and text.count(opening, start, end) < text.count(last, start, end)):
            end -= 1
        else:
            break
    for closing, opening in ((")", "("), ("]", "[")):
        place = text.find(closing, start, end)
        if place > 0 and text.find(opening, start, place) < 0:
            end = _end(text, start, place)
    return end

# ruff: noqa: E501 - expressions and word lists are read line by line
"""Secrets that their name gives away: ``password = …``, ``"api_key": "…"``, ``Authorization: Bearer …``, ``密码：…``, "the PIN is 4711".

By name and by what the value looks like: variables, environment look-ups, types, placeholders and plain words are no secrets.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.recognizers.secrets.guards import is_code, is_passed_test, is_placeholder, looks_random
from detectors.recognizers.strict import Patterns

_NAME = (
    r"(?:pass(?:word|wd|phrase|code)?s?|pwd|passwort|contraseña|mot de passe|senha|secret|token|api[_\- ]?key|access[_\- ]?key(?:[_\- ]?(?:id|secret))?|secret[_\- ]?(?:access[_\- ]?)?key|private[_\- ]?key|auth[_\- ]?key|encryption[_\- ]?key|signing[_\- ]?(?:key|secret)|client[_\- ]?secret"
    r"|master[_\- ]?key|mch[_\- ]?key|app[_\- ]?(?:secret|key)|licen[cs]e[_\- ]?key|account[_\- ]?key|shared[_\- ]?key|hmac[_\- ]?key|maps?[_\- ]?key|credentials?|auth|session[_\- ]?(?:id|key|token)|jsessionid|phpsessid|sessionid|csrf(?:[_\- ]?token)?|salt|pepper|nonce[_\- ]?key|community|psk|wpa[_\- ]?psk|pre-?shared[_\- ]?key|webhook[_\- ]?(?:secret|key)|bearer|cookie[_\- ]?secret|otp|totp(?:[_\- ]?secret)?|pin(?:[_\- ]?code)?)"
)
_BOUNDARY = r"(?<!public)(?<!public[_\-])(?<!publickey)(?:(?<![A-Za-z])|(?-i:(?<=[a-z0-9])(?=[A-Z]))|(?=password|passwd|pwd|secret|token|apikey))"
"""A word begins, or a camelCase one, or a name that no other word ends with."""
_TAIL = r"(?:[_\-.]?(?:hash|raw|value|prod|dev|staging|live|test|v?\d|key|base|sha256|base64|b64|digest))?"
_SUFFIX_NO = r"(?![_\-]?(?:count|length|len|size|type|field|url|uri|path|file|dir|ttl|expir\w*|policy|reset|limit|min|max|name|label|required|hint|prompt|rotation|algorithm|algo|strength|manager|provider|service|endpoint|usage|budget|index|idx|ids?|column|input|error|valid\w*|budgets?|per|s)(?![a-z]))"


_UUID = regex.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class AssignmentRecognizer(Patterns):
    """``SECRET``: the value assigned to a telling name in code, configuration, JSON, headers, shell."""

    ENTITY = "SECRET"
    LITERALS: ClassVar = (
        "pass", "pwd", "secret", "token", "key", "credential", "auth", "session", "salt", "pepper", "psk", "bearer", "otp", "pin", "sid", "account", "login", "user", "账号", "用户名", "帳號", " -p", "-u ", "identified", "senha", "contraseña", "community", "cookie", "csrf",
    )  # fmt: skip
    NEEDS: ClassVar = {
        "xml": ("</",),
        "bearer": ("bearer", "token ", "basic "),
        "flag": ("-pass", "-pwd", "-token", "-secret", "-api", "-auth", "-u "),
        "define": ("define",),
        "attribute": ("value=",),
        "terraform": ("default",),
        "cisco": ("password ", "secret "),
        "snmp": ("snmp-server",),
        "ldap": ("userpassword",),
        "account-slash": (" / ",),
        "mysql": (" -p",),
        "sshpass": ("sshpass",),
        "pgpass": ("pgpassword",),
        "netrc": ("login",),
        "cookie": ("cookie",),
        "session": ("sid=", "sess=", "session=", "sessionid=", "sid:", "sess:", "session:", "sessionid:"),
        "basic-url": ("identified",),
        "environment": ("_key", "_token", "_secret", "_credential", "_pass", "_pwd", "_auth"),
        "quoted": ('"', "'", "`"),
        "bare": ("=", ":", "\uff1a"),
    }
    PATTERNS: ClassVar = (
        (
            "quoted",
            rf"{_BOUNDARY}{_NAME}{_TAIL}{_SUFFIX_NO}\\?[\"'\])]{{0,3}}\s{{0,4}}(?:=>|:=|=|:|,|\+=|==)\s{{0,12}}(?:[rbuf]|@)?(?P<q>\\?[\"'`])(?P<value>(?:(?!(?P=q))[^\n\\]){{3,400}})(?P=q)",
            0.75,
        ),
        (
            "bare",
            rf"{_BOUNDARY}{_NAME}{_TAIL}{_SUFFIX_NO}[\"'\])]{{0,3}}[ \t]{{0,8}}(?:=>|:=|=|:|：)[ \t]{{0,8}}(?P<value>[^\s\"'`,;&<>(){{}}\[\]。，；、）]{{4,400}}[^\s\"'`,;&<>(){{}}\[\].。，；、）])",
            0.7,
        ),
        ("environment", r"(?-i:(?<![A-Z])[A-Z][A-Z0-9_]{0,40}_(?:KEY|TOKEN|SECRET|CREDENTIALS?|PASS|PWD|AUTH)(?:_[A-Z0-9]{1,8})?)[\"']?\s{0,3}[=:]\s{0,3}[\"']?(?P<value>[^\s\"'`,;<>(){}\[\]]{12,400})", 0.7),
        ("define", r"(?-i:#[ \t]{0,4}define[ \t]{1,8}[A-Z0-9_]{0,40}(?:PASS(?:WORD|WD|PHRASE|CODE)?|PWD|SECRET|TOKEN|PSK|API_?KEY)(?:_[A-Z0-9_]{1,20})?)[ \t]{1,20}\"(?P<value>[^\"\n]{4,200})\"", 0.75),
        ("attribute", r"(?:key|name)=[\"'][^\"'\n]{0,60}(?:key|secret|password|token|pwd)[\"']\s+value=[\"'](?P<value>[^\"'\n]{6,400})[\"']", 0.75),
        ("terraform", rf"[\"'][\w.\-]{{0,40}}{_NAME}[\"']\s*\{{[^{{}}]{{0,200}}?default\s*=\s*[\"'](?P<value>[^\"'\n]{{4,400}})[\"']", 0.75),
        ("cisco", r"\b(?:password|secret)\s+[0-9]\s+(?P<value>[^\s\"'<>]{4,100})", 0.75),
        ("snmp", r"\bsnmp-server community (?P<value>[^\s\"'<>]{4,100})", 0.75),
        ("ldap", r"\buserPassword::?\s*(?P<value>(?:\{[A-Z0-9]{3,8}\})?[^\s\"'<>]{6,200})", 0.8),
        ("account-slash", r"(?:account|login|user(?:name)?|账号|用户名|帳號)[^\n/]{0,60}\s/\s(?P<value>[^\s/\"'<>;；，。]{6,64})", 0.55),
        ("xml", rf"<(?:[\w\-]+:)?[\w.\-]{{0,30}}?{_NAME}(?:\s[^<>]{{0,80}})?>(?P<value>[^<>\s]{{4,400}})</", 0.75),
        ("bearer", r"\b(?:authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)?(?:Bearer|Token|Basic)\s+(?P<value>[A-Za-z0-9_\-.~+/]{16,4000}={0,2})", 0.85),
        ("flag", r"(?<![0-9A-Za-z])(?:--?(?:password|passwd|pass|pwd|token|secret|api-?key|auth)[= ]|-u [\w.@\-]{1,60}:|-u [\w.@\-]{1,60} -p ?)(?P<value>[^\s\"'`$<>]{4,200})", 0.7),
        ("mysql", r"\b(?:mysql|mysqldump|mariadb|mysqladmin)\b[^\n|;]{0,120}? -p(?P<value>[^\s\"'`$<>\-]{4,100})", 0.8),
        ("sshpass", r"\bsshpass +-p *[\"']?(?P<value>[^\s\"'`$<>]{4,100})", 0.8),
        ("pgpass", r"\bPGPASSWORD=(?P<value>[^\s\"'`$<>]{3,100})", 0.8),
        ("netrc", r"\blogin +\S{1,80}\s+password +(?P<value>[^\s\"'`$<>]{4,200})", 0.8),
        ("cookie", r"\b(?:set-)?cookie:[ ]?[^\n]{0,200}?(?:sess|sid|auth|token|jwt)[\w\-]{0,24}=(?P<value>[A-Za-z0-9_\-.%+/=]{12,2000})", 0.7),
        ("session", r"(?<![A-Za-z])(?:connect\.sid|sid|sess|session|sessionid|phpsessid|jsessionid)[=:](?P<value>[A-Za-z0-9_\-.%+/]{16,400})", 0.65),
        ("basic-url", r"\bIDENTIFIED (?:WITH \w+ )?BY\s+[\"'](?P<value>[^\"'\n]{3,100})[\"']", 0.8),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Guards for placeholders, code, prose, and plain numbers."""
        value = match["value"]
        if (
            is_placeholder(value)
            or (pattern.name == "session" and _UUID.fullmatch(value))
            or is_passed_test(text, match.start("value"), value)
        ):
            return None
        label = match[0][: match.start("value") - match.start()]
        name = label.lower()
        if pattern.name == "quoted":
            if value.startswith(("http://", "https://")) and "@" not in value:
                return None
            if regex.search(r",\s*[rbuf@]?\\?[\"'`]$", label) and not looks_random(value):
                return None
            if (
                value.count(" ") > 3
                or (" " in value and not looks_random(value))
                or (is_code(value) and not looks_random(value))
            ):
                return None
            if value.isalpha() and (value.islower() or value.istitle()) and not regex.search(r"pass|pwd|secret", name):
                return None
            if "pass" not in name and "pwd" not in name and not looks_random(value) and len(value) < 16:
                return None
            if regex.fullmatch(r"[a-z]+(?:[_.\-][a-z]+)*", value) and (
                (len(value) > 12 and "pass" not in name) or "_" in value
            ):
                return None
        elif pattern.name in (
            "bare",
            "flag",
            "environment",
            "account-slash",
            "session",
            "cisco",
            "terraform",
            "attribute",
        ):
            literal = pattern.name in ("terraform", "attribute") or (label.isupper() and any(map(str.isdigit, value)))
            if (is_code(value) and not literal) or (
                pattern.name not in ("terraform", "cisco")
                and not looks_random(value)
                and not (regex.search(r"pass|pwd", name) and "=" in name and label == label.upper())
            ):
                return None
            if regex.fullmatch(r"[\d.,:%\-]+", value) and not regex.search(r"pass|pwd|pin|otp|secret", name):
                return None
            if (
                value.startswith(("//", "./", "../", "~/", "/"))
                and pattern.name == "bare"
                and value.count("/") > 1
                and not regex.search(r"[+=]", value)
            ):
                return None
            if text[match.end("value") : match.end("value") + 1] in ("(", "["):
                return None
        elif pattern.name == "bearer" and value.isalpha() and len(value) < 24:
            return None
        return super().judge(text, match, pattern)


class SpokenSecretRecognizer(Patterns):
    """``SECRET`` in prose and notes: "password Welkom!Jozi24", "my PIN was 7051", "密码是abc123", "验证码 558130", CVV."""

    ENTITY = "SECRET"
    LITERALS: ClassVar = (
        "pass", "pwd", "pw", "pin", "cvv", "cvc", "cv2", "otp", "code", "密码", "密碼", "口令", "密钥", "秘钥", "密鑰", "令牌", "验证码", "驗證碼", "取件码", "取件碼", "提取码", "安全码", "安全碼", "动态码", "授权码", "暗号", "門禁", "门禁", "accesskey", "token", "secret", "api", "access", "wifi", "wi-fi", "2fa", "激活码", "邀请码", "兑换码", "kennwort", "wachtwoord",
    )  # fmt: skip
    PATTERNS: ClassVar = (
        (
            "english",
            r"(?<![A-Za-z$_{])(?:pass(?:word|code|phrase|wd)?|pw|pwd|wi-?fi|passwort|kennwort|wachtwoord|contraseña|mot de passe|senha|hasło|parola|şifre)(?![0-9A-Za-z_])(?:\s+(?:is|was|set|di default|for[^.\n:]{1,40}?(?:is|:)|now|set to|to|still|=))?(?:\s+(?:set|temporarily|currently|now))?\s{0,3}[:=\uff1a(\uff08\[]?\s{0,3}[\"'“‘`(]?(?P<value>[^\s\"'“”‘’`,;)\]<>，。；、（）「」]{5,64}?)(?=[\"'”’`)\]]?(?:[.,;!?]?(?:\s|$)|[,;)\]\"'”’`<，。；、）]))",
            0.6,
        ),
        ("spoken-key", r"(?<![A-Za-z_])(?:secret|api[ -]?key|access[ -]?key|access[ -]?token|bot token|(?-i:Token))(?![0-9A-Za-z_])(?:泄露|泄漏)?(?:\s+(?:is|was))?\s{0,3}[:：=]?\s{0,3}[\"'“`]?(?P<value>[A-Za-z0-9_\-+/.]{16,200}={0,2})", 0.65),
        ("app-password", r"app(?:lication)?[ -](?:specific )?password[^\n]{0,20}?(?P<value>(?-i:(?:[a-z]{4} ){3}[a-z]{4}))(?![A-Za-z])", 0.8),
        (
            "pin",
            r"(?<![A-Za-z])(?:PIN|CVV2?|CVC2?|CV2|security code|one[- ]time (?:code|password|passcode)|OTP|verification code|2FA code|(?:access|gate|door|alarm|unlock|key ?safe|lock ?box|entry|keypad|safe)[ _\-]?code|code de l'immeuble)(?:[- ](?:code|number|no\.?))?(?:\s+(?:is|was|for[^.\n:\d]{1,30}|c'est|on[^.\n:\d]{1,12}|back))*[\"']?\s{0,3}[:=\uff1a#(\uff08|]?\s{0,3}[\"']?(?P<value>\d{3,8}(?: ?\d{3})?|[0-9A-Z]{4,8}(?=[^0-9A-Za-z]|$))(?![0-9A-Za-z%])",
            0.6,
        ),
        (
            "chinese",
            r"(?:密码|密碼|口令|密钥|秘钥|密鑰|令牌|提取码|授权码|激活码|邀请码|兑换码|(?-i:(?<![A-Za-z])(?:AccessKey(?:Secret|Id)?|SecretKey|Token)(?![A-Za-z])))(?:已)?(?:被)?(?:改|重置|设置|設|统一)?(?:为|為|是|成|还是|仍是|:|\uff1a|=|\uff1d|\s|都是|就是|「|『|“|\"|'|（|\()*(?P<value>[\x21\x23-\x26\x2a-\x2b\x2d-\x3a\x3c-\x7e]{4,128})",
            0.7,
        ),
        (
            "code",
            r"(?:验证码|驗證碼|校验码|动态码|取件码|取件碼|取货码|安全码|安全碼|门禁码?|門禁碼?|核销码|取餐码|短信码|动态密码|交易密码|支付密码|取款密码)(?:是|为|為|:|\uff1a|=|\s|也是|还是|就是)*(?P<value>[0-9A-Z](?:[-0-9A-Z]){2,11})(?![0-9A-Za-z])",
            0.65,
        ),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """In prose only what words are not: digits and letters mixed, or digits alone where a code is announced."""
        value = match["value"]
        if is_placeholder(value) or is_code(value) or regex.fullmatch(r"#[0-9A-Fa-f]{3,8}", value):
            return None
        if is_passed_test(text, match.start("value"), value):
            return None
        if pattern.name == "english" or pattern.name == "spoken-key":
            if not looks_random(value) and not value.isdigit():
                return None
            if regex.match(r"https?:|[=:@/]|\d+(?:\.\d+)+$|\w+\(|[\w.]+=", value):
                return None
        if pattern.name == "chinese" and not (looks_random(value) or (value.isdigit() and len(value) >= 4)):
            return None
        if not any(map(str.isdigit, value)) and pattern.name in ("pin", "code"):
            return None
        return super().judge(text, match, pattern)

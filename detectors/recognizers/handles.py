# ruff: noqa: E501 - expressions and word lists are read line by line
"""User names behind a cue: home directories, log fields, logins, connection strings, WeChat and QQ ids, ``@handles``.

Names of programs and roles (``no_usernames.txt``) are none. The model finds user names in prose; here are the places that code and logs have. May
import ``strict``, ``guards`` and the word lists.
"""

from __future__ import annotations

import re
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.recognizers.secrets.guards import is_placeholder
from detectors.recognizers.strict import Patterns
from detectors.recognizers.word_list import read_words

_NONE = read_words("no_usernames")
_NAME = r"(?P<value>[A-Za-z\u00c0-\u024f][\w.\-\u00c0-\u024f]{1,31})"
_END = r"(?![\w\u00c0-\u024f(\[{%$@/\\]|\.\w|-\w)"


class HandleRecognizer(Patterns):
    """``USERNAME``."""

    ENTITY = "USERNAME"
    NEEDS: ClassVar = {
        "home": ("/home/", "/users/", "users\\"),
        "access-log": (" - ",),
        "userinfo": ("://",),
        "prompt": ("@",),
        "at": ("@",),
        "ssh": ("@",),
        "openid": ("openid", "open_id", "unionid", "union_id"),
        "昵称": ("昵称", "暱稱", "网名", "網名", "游戏id", "遊戲id", "游戏名", "角色名"),
    }
    PATTERNS: ClassVar = (
        ("home", r"(?:(?<![A-Za-z0-9_.\-])/(?:home|Users|export/home)/|(?i:[A-Z]:|\\)\\{1,2}Users\\{1,2})(?P<value>[^\s/\\:*?\"'<>|,;(){}\[\]$%`]{2,40})(?=[/\\:\s\"'>)]|$)", 0.75),
        ("field", rf"(?<![A-Za-z0-9_.(\-$])(?-i:user(?:_?name|_?id)?|login|uname|actor|ruser|logname|sasl_username|remote_user|usr|uid|user_login|login_?name|owner_login)=[\"']?{_NAME}{_END}[\"']?(?=[\s,;\]|&)}}\"']|$)", 0.6),
        ("json", r"[\"'](?:user_?name|login|login_?name|screen_?name|handle|nick(?:name)?|samaccountname|uname|actor|user)[\"']\s?:\s?[\"'](?P<value>[A-Za-z\u00c0-\u024f][\w.\-\u00c0-\u024f]{2,31})[\"']", 0.6),
        ("yaml", r"^[ \t\-]*(?:user_?name|login|login_?name|handle|nick(?:name)?)[ \t]?:[ \t]+[\"']?(?P<value>[A-Za-z\u00c0-\u024f](?=[\w.\-]*[\d._\-])[\w.\-]{2,31})[\"']?[ \t]*(?:#.*)?$", 0.55),
        ("sshd", rf"(?:Accepted \S{{3,30}}|Failed \S{{3,30}}|session (?:opened|closed)|Invalid user|authentication failure)(?: for)?(?: invalid)?(?: user)?[ ]{_NAME}(?=[ (]|$)(?= from| by|\(uid|$)", 0.7),
        ("sudo", rf"\bsudo(?:\[\d+\])?: +{_NAME} : (?:TTY|PWD|\d+ incorrect)", 0.75),
        ("access-log", r"(?<=[0-9a-f] - )(?P<value>[A-Za-z][\w.\-]{1,31})(?= \[\d\d?/[A-Z][a-z]{2}/\d{4})", 0.75),
        ("userinfo", r"(?<![A-Za-z0-9])(?!https?:)[a-z][a-z0-9+.\-]{1,20}://(?P<value>[A-Za-z][\w.\-]{1,40}):[^\s/@]{1,80}@", 0.6),
        ("ssh", rf"(?<![A-Za-z])(?:ssh|scp|sftp|rsync|mosh)\b[^\n@|;&]{{0,80}}?[ ]{_NAME}@(?=[\w\-]+(?:[\s:]|$))", 0.65),
        ("prompt", rf"(?:^|(?<=\n)|(?<=\)\s)|(?<=\[)){_NAME}@[\w\-]{{2,40}}(?::[~/]|[ ]~\]| [~/]\S{{0,60}} ?[%$#] )", 0.65),
        ("wechat", r"(?:微信号?|(?<![A-Za-z0-9])(?:vx|wx)(?![A-Za-z0-9])|V信|威信|薇信|加[他她我你]?V|(?<![A-Za-z0-9])(?:wechat(?: ?id)?|wxid)(?![A-Za-z0-9]))[是为：:=\s(（「“\"']{0,4}(?:[:：]\s?)?(?P<value>(?i:wxid_[a-z0-9]{6,24}|[a-z](?=[a-z0-9_\-]*[0-9_\-])[a-z0-9_\-]{4,23}))(?![\w\-@.])", 0.7),
        ("qq", r"(?:QQ|qq|扣扣|企鹅号|Q号)(?:号码?)?[是为：:=\s(（]{0,3}(?P<value>[1-9][0-9]{4,10})(?![0-9A-Za-z@])", 0.7),
        ("said", r"(?<![A-Za-z\-])(?i:(?:my |his |her |the )?(?:user(?: ?name)?|login|handle|insta(?:gram)?|ig|telegram|discord|gamertag|steam id|github|account)(?: name| id)?(?: is|:| =))[ ]{0,2}[`\"'“@]{0,2}(?P<value>[A-Za-z](?=[\w.\-]*[\d_])[\w.\-]{3,31}\w)(?![\w@(/]|\.\w)", 0.55),
        ("账号", r"(?:账号|帐号|帳號|用户名|用戶名|登录名|登陆名|域账号|账户名|昵称)[是为叫：:=\s「“\"']{0,4}(?P<value>[A-Za-z](?=[\w.\-]*[\d_.\-])[\w.\-]{2,31}\w)(?![\w@])", 0.6),
        ("openid", r"(?<![A-Za-z])(?:open_?id|union_?id)[\"']?\s?[:=：]\s?[\"']?(?P<value>o[A-Za-z0-9_\-]{19,31})(?![\w\-])", 0.7),
        ("昵称", r"(?:昵称|暱稱|网名|網名|游戏ID|遊戲ID|游戏名|角色名)(?:[是为叫：:=「“\"']|[ \t](?=[^ \t])){1,3}(?P<value>(?![^\s]{0,12}(?:不能|不得|不可|不允许|不存在|必填|必须|为空|修改|请[输填设]|设置|字段|长度|默认|最多|最少|未[填设]|已存在|是否|string|varchar|char|null))[\w\u4e00-\u9fff·]{2,20})(?=[\s,，。;；|」”\"'）)]|$)", 0.5),
        ("at", r"(?<![\w.@/:\-\\`])(?<!^)(?<!\n)@(?P<value>(?![vV]?\d)(?=[\w.\-\u4e00-\u9fff]*[\d_])[\w\u4e00-\u9fff](?:[\w.\-\u4e00-\u9fff]{1,29}[\w\u4e00-\u9fff]))(?![\w@(/{\-]|\.\w)", 0.5),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """A person's: neither a program's nor a word, nor code that only names the thing."""
        value = match["value"]
        if (
            value.lower().strip("._-") in _NONE
            or len(set(value)) < 3
            or (pattern.name != "qq" and is_placeholder(value))
        ):
            return None
        if pattern.name == "at" and not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip():
            return None  # a decorator, a mention of a key
        if pattern.name in ("field", "json", "yaml", "userinfo", "at", "said", "账号") and _CODE.fullmatch(value):
            return None
        return super().judge(text, match, pattern)


_CODE = re.compile(
    r"[A-Z][A-Z_]+|.*(?:_id|_name|Id|Name|_?user|User|_?login|[Aa]ccount|[Ss]ervice|-svc|_svc|-sa|-bot|_bot|-runner|\.get|\.id|\.name|\.user.*)|_.*|svc[-_].*|.*[-_](?:prod|dev|test|rw|ro|app|admin|deploy|ci)|(?:self|request|req|ctx|context|args|os|env|process|config|settings|current|session|cfg|params|data|event|obj|row|item)\..*|(?:get|set|new|old|this|other|test|my|the|db|app|svc|service|system|default)[_A-Z\-].*"
)
"""What stands for a user name in code."""

# ruff: noqa: E501 - expressions and word lists are read line by line
"""What the model takes for a name or an account and is none by its form: files, path parts, functions, words alone.

Only forms that are never a person's are listed: who is missed is worse than what is masked in vain. Pure.
"""

from __future__ import annotations

import re

_SOURCE_FILE = re.compile(
    r"[\w.+\-]+\.(?:go|java|py|pyx|ts|tsx|jsx|mjs|rb|rs|cc|cpp|cxx|hpp|cs|kt|kts|swift|php|scala|sql|css|scss|less|gradle|proto|vue|svelte|lua|dart|ex|exs|erl|hs|clj|ipynb|dll|jar|whl|tf)"
)
"""A file that only programs have; ``anna.md`` or ``anna.txt`` may be somebody's."""
_FUNCTION = re.compile(
    r"(?:get|set|create|update|delete|fetch|send|check|load|init|parse|handle|validate|compute|render)(?:_[a-z0-9]+)+"
    r"|[a-z0-9]+(?:[-_](?:bot|svc|service|worker|daemon|runner|operator|controller|exporter|sidecar|proxy))|[\w.\-]+\[bot\]"
)
_DIGEST = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,40}")
_TASK = re.compile(r"(?:^|[\s>'\"]):[a-z][\w\-]*:$")
"""Gradle's path before a task's name."""
_APPLICATION = re.compile(
    r"(?i)(?:app|client|tenant|merchant|mch|trace|span|request|job|task|build|image|pod|node)_?id[\"']?\s?[:=]\s?[\"']?$"
)
_PATH_BEFORE = re.compile(r"[^\s\"'`<>()\[\]{},;=|]*[/\\]$")
_OWNERS = frozenset(
    ("home", "users", "user", "u", "profile", "profiles", "people", "in", "members", "mail", "spool", "author", "authors", "@", "~", "accounts", "account", "home2", "export", "homes", "staff")
)  # fmt: skip
"""Directories and routes whose children are called after people."""
_CODE_HOST = re.compile(r"(?i)(?:^|[/@.])(?:git\w*|gitlab|gitee|bitbucket|codeberg|sr\.ht|huggingface|npmjs|pypi|docker|hub)\b|^git@|\.git\b|^(?:https?|ssh)://")  # fmt: skip
_NEVER_ALONE = frozenset("若项項督老半醒助我你您他她它的了在是有和不也就都而及与與或被把给給对對从從以为為等吗嗎呢吧啊请請这這那哪谁誰每各号號第个個件次元年月日时時分秒很还還又再才只要会會可能让讓因所但")  # fmt: skip
"""Characters that stand alone as words or parts of words, hardly ever as a name."""


def is_no_name(text: str, start: int, end: int) -> bool:
    """True if ``text[start:end]``, which the model takes for a person, is half a word, a function word or a file."""
    value = text[start:end]
    if len(value) == 1:
        return value in _NEVER_ALONE or (value.isascii() and not value.isupper())
    return value.endswith("-") or _SOURCE_FILE.fullmatch(value) is not None


def is_no_login(text: str, start: int, end: int) -> bool:
    """True if ``text[start:end]``, which the model takes for an account, is a program's, a file, a digest, or a
    directory that is nobody's home."""
    value = text[start:end]
    if _SOURCE_FILE.fullmatch(value) or _DIGEST.fullmatch(value) or _FUNCTION.fullmatch(value):
        return True
    before = text[max(0, start - 200) : start]
    if _TASK.search(before[-60:]) or _APPLICATION.search(before[-24:]):
        return True
    return text[end : end + 1] in ("/", "\\") and _is_path_part(before)


def _is_path_part(before: str) -> bool:
    """A directory within a path (something stands before it and below it) whose parent does not hold people."""
    found = _PATH_BEFORE.search(before)
    if found is None or _CODE_HOST.search(found.group()):
        return False
    parts = re.split(r"[/\\]+", found.group())[:-1]
    return bool(parts) and any(parts) and parts[-1].lower() not in _OWNERS and not parts[-1].endswith(":")

"""Passwords and codes in sentences, with words between cue and value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pw for dataroom northg8-Spring chg after", "northg8-Spring"),
        ("the temp pw you gave me Tulip!Bridge88 is expired", "Tulip!Bridge88"),
        ("password expired. new: Fjord^Lemming^72", "Fjord^Lemming^72"),
        ("门禁密码这月改成#5580*,别告诉他", "#5580*"),
        ("把我的密码改成了anran0606,说好记", "anran0606"),
        ("datasource 密码换了,新的是 tEst-9Kp_lychee", "tEst-9Kp_lychee"),
        ("取件码我发你,3-8-1107", "3-8-1107"),
        ("授权码=884-216", "884-216"),
        ("钥匙在佳宁抽屉,抽屉密码 7-33-19", "7-33-19"),
        ("unlocked, code is 091482, was of my", "091482"),
        ("CODE ON BACK 331.", "331"),
        ("key safe is 4471C. nurse", "4471C"),
        ("mysql -h db1 -u fatou -p'Baobab.1987.rain' crm", "Baobab.1987.rain"),
        ("curl -s -u nmensah:'Kelewele#2x' http://example.com", "Kelewele#2x"),
        ("jdbc:oracle:thin:ro_user/Qz9!mapleLeaf@//db.example.com:1521/Z", "ro_user/Qz9!mapleLeaf"),
        ("I'm in, code word is Hobnob.", "Hobnob"),
        ('alarm_code: "7351"', "7351"),
        ('#define WIFI_PASS  "kumquat3F-8812"   // not in the release', "kumquat3F-8812"),
    ],
)
def test_found(find: Find, text: str, value: str) -> None:
    assert ("SECRET", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "the response code is 4040",
        "exit code was 1370",
        "status code: 5003",
        "the code is 1200 ms slower",
        "password for the account is required",
        "the password you entered was wrong",
        "忘记密码改成手机登录",
        "密码改成必填项",
        "验证码长度 6 位",
        "验证码 10 分钟内有效",
        "pass for step 2 is green",
        "mysql -u root -p'$DB_PASS' shop",
        "curl -u user:$TOKEN https://api.example.com",
        "the security word is optional",
        "door code is on the card",
    ],
)
def test_near_misses(find: Find, text: str) -> None:
    assert [entity for entity, _ in find(text) if entity == "SECRET"] == []

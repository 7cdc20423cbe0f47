"""User names behind a cue; programs' and roles' names are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ENOENT /home/okorafor/.npmrc", "okorafor"),
        ("open C:\\Users\\tanghy\\AppData", "tanghy"),
        ('"path": "C:\\\\Users\\\\fanbing\\\\x"', "fanbing"),
        ("/Users/saoirse.byrne/src", "saoirse.byrne"),
        ("audit user=dvega role=nurse", "dvega"),
        ("actor=hr-irmgard action=view", "hr-irmgard"),
        ('{"login": "katya.sm", "id": 1}', "katya.sm"),
        ("Accepted publickey for zwisniewska from 203.0.113.4 port 51022", "zwisniewska"),
        ("sudo: s-okafor : TTY=pts/0 ; PWD=/", "s-okafor"),
        ('203.0.113.14 - rkapoor [04/Mar/2026:08:11:18 +0000] "GET / HTTP/1.1"', "rkapoor"),
        ("postgresql://lotte_k:Mossy-Kettle-1@db.example.com/x", "lotte_k"),
        ("ssh kwame@bastion uptime", "kwame"),
        ("kwame@bastion:~/src$ ls", "kwame"),
        ("加我微信gxm_0913,您方便的时候", "gxm_0913"),
        ("微信号：wxid_9ab3kd02mm1x", "wxid_9ab3kd02mm1x"),
        ("QQ号2917740365加我", "2917740365"),
        ("直接加她V:aduan_qipao,报名", "aduan_qipao"),
        ("VPN 账号 luyy_2，初始密码", "luyy_2"),
        ("my insta is @kerem_kayhan1 ok", "kerem_kayhan1"),
        ("回复 @硬核老铁_404 说", "硬核老铁_404"),
        ("推送成功 openid=oK3mq8Xw_tPz1YrBd5uNvG 模板=到货", "oK3mq8Xw_tPz1YrBd5uNvG"),
        ("游戏ID 雨打芭蕉QAQ 区服 3", "雨打芭蕉QAQ"),
        ("订单 7 昵称 今天不想上班 充值未到", "今天不想上班"),
    ],
)
def test_found(find: Find, text: str, value: str) -> None:
    assert any(entity == "USERNAME" and value in found for entity, found in find(text))


@pytest.mark.parametrize(
    "text",
    [
        "/home/ubuntu/app and /Users/Shared/x and C:\\Users\\Public\\y",
        "user=root uid=0, user=postgres db=x, login=admin",
        "create_user(user=alice, group=staff)",
        "user = request.user",
        "url = f'/home/{name}/x'",
        "cd /home/$USER/src",
        "drwxr-xr-x 6 root root",
        "SHA256:3pQ0vXx8d2m",
        "微信支付 wx.login() wechat mini-program",
        "npm i @types/node@20 @babel/core",
        "    @pytest.mark.slow_1\n    def x(): ...",
        "uses: actions/checkout@v4 and foo @v1.2_3",
        "Accepted connection from 203.0.113.4"[:19],
        "ssh deploy@bastion",
        "postgres://postgres:$PW@db/x",
        "User=nginx\nGroup=nginx",
        "用户名不能为空,账号 admin",
        "昵称 不能为空，昵称：最多12个字，昵称 string 必填",
    ],
)
def test_none(find: Find, text: str) -> None:
    assert [pair for pair in find(text) if pair[0] == "USERNAME"] == []

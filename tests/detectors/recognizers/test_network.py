"""IP addresses: public ones, private ones of services, private ones of people, and what is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("proxy_pass http://10.4.0.12:8080;", "10.4.0.12"),
        ("container ip 172.17.0.3", "172.17.0.3"),
        ("exporter 是 10.0.12.7:9100", "10.0.12.7"),
        ("nas at 192.168.1.20 answers", "192.168.1.20"),
        ("carrier side 100.64.3.9 drops", "100.64.3.9"),
        ("lease failed, 169.254.7.1 taken", "169.254.7.1"),
        ("listens on fe80::1c2d:3eff:fe44:5566", "fe80::1c2d:3eff:fe44:5566"),
        ("the user reports an outage\nnode 10.0.0.8 is down", "10.0.0.8"),
        ('{"node": "db-1", "ip": "10.0.0.9"}', "10.0.0.9"),
    ],
)
def test_a_private_address_of_a_service(find: Find, text: str, value: str) -> None:
    assert find(text) == [("PRIVATE_IP_ADDRESS", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("client 10.4.0.12 closed the connection", "10.4.0.12"),
        ("user=kim from 192.168.1.20", "192.168.1.20"),
        ("remote session, IP 10.62.14.209.", "10.62.14.209"),
        ("用户 来自 10.3.4.5", "10.3.4.5"),
        ("登录IP：172.21.40.118", "172.21.40.118"),
        ("Accepted publickey for deploy from 10.1.2.3 port 51022", "10.1.2.3"),
        ('10.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200', "10.2.3.4"),
        ("DHCPACK on 192.168.66.14 to 54:02:b8:c3:73:f9 via br0", "192.168.66.14"),
        ("203.0.113.9 answered", "203.0.113.9"),
        ("2001:db8::8a2e:370:7334 answered", "2001:db8::8a2e:370:7334"),
    ],
)
def test_an_address_that_points_at_somebody(find: Find, text: str, value: str) -> None:
    assert ("IP_ADDRESS", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "user at 127.0.0.1",
        "login from ::1",
        "client 0.0.0.0:80",
        "allow users from 10.0.0.0/8",
        "client version 10.1.2.3",
        "用户端版本 10.1.2.3",
        "10.0.0.256 is none",
        "section 1.10.0.0.1",
    ],
)
def test_what_is_no_address_of_anybody(find: Find, text: str) -> None:
    assert find(text) == []

# ruff: noqa: E501 - specimens are one line each
"""What agents send most: code, logs, diffs, configuration, traces. Nothing in these texts is personal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]

TEXTS = {
    "git log": "commit adbd9d00103099f49fbadb1f5853ab6dc73688fd\nMerge: 63e39c9 1a5d364\nDate:   Tue Mar 12 18:04:11 2024 +0530\n\n    fix(parser): bump tree-sitter to 0.20.10 (#41822)\n",
    "uuid": "trace_id=550e8400-e29b-41d4-a716-446655440000 span=00f067aa0ba902b7 request 01890a5d-ac96-774b-bcce-b302099a8057",
    "versions": "numpy==1.26.4 torch 2.13.0+cu126 node v22.11.0 openssl 3.0.13 chrome/126.0.6478.127 release 24.04.1.0",
    "log": "2026-03-01 10:22:31,123 INFO [main] server started port=8080 pid=48213 took 1532ms heap=2147483648\n1710000000.123 [notice] 12#12: worker 4096 exited with code 137\n[1710000000123] GC pause 96.4ms\n",
    "epoch": "exp: 1767225600, iat: 1710000000, nbf=1710000000123, ns 1710000000123456789",
    "python": "def area(w: float, h: float) -> float:\n    return w * h * -0.96 + 3.14159265358979\n\nX = [1, 2, 3, 10, 200, 3000]\nassert area(1920, 1080) == 0x7fffffffe3d0\n",
    "trace": 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 212, in handler\n    raise ValueError(code)\nValueError: 10061\n\tat com.acme.shop.Owner$HibernateProxy.<init>(Owner.java:331)\n',
    "diff": "diff --git a/x.py b/x.py\nindex 83db48f..bf2a7c1 100644\n@@ -120,7 +120,9 @@ class A:\n-    TIMEOUT = 3000\n+    TIMEOUT = 5000\n+1700000000\n",
    "css": "a { color: #ff00aa; background: #1a2b3c4d; width: 100.25px; margin: 10px 20px 30px 40px; } /* 96c */",
    "json rows": '[{"id": 100234, "row": 48213, "qty": 12, "price": 1299.99}, {"id": 100235, "row": 48214}]',
    "sql": "SELECT id, total FROM orders WHERE id IN (10023, 10024, 10025) AND created_at > '2024-03-12 18:04:11' LIMIT 100;",
    "k8s": "pod/api-7d9f8b6c5d-x2x9z 1/1 Running 0 68m\nimage: registry.example.com/api@sha256:9b2c1f0e8d7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c\n",
    "npm": '"dependencies": {"@types/node": "^20.11.5", "left-pad": "1.3.0"}, "integrity": "sha512-9b2c+K8Zx0/abcDEF=="',
    "cpp": "std::vector<int> v; ns::detail::impl<3>::run(); a::b::c(); ::std::cout << 1;",
    "cidr": "allow 10.0.0.0/8; allow 192.168.0.0/16; listen 127.0.0.1:8080; mask 255.255.255.0; bind 0.0.0.0",
    "maths": "x = 6.02214076e23; 299792458 m/s; 1.602176634e-19; 1,234,567.89; 12 345 678 rows; 50%",
    "decorators": "@app.route('/x')\n@pytest.mark.parametrize('a', [1])\nimage logo@2x.png, git clone git@github.com:acme/repo.git",
    "isbn and ean": "ISBN 978-7-111-00000-0, EAN 5901234123457, RFC 9162, GB 11643-1999, ISO/IEC 7812-1:2017",
    "chinese code": "# 统计订单数量\nfor i in range(10000):\n    total += 价格[i] * 0.85  # 2024-03-12 改\n返回码 500，耗时 1532 毫秒，共 20231231 条",
    "hex dump": "00000010: 4d5a 9000 0300 0000 0400 0000 ffff 0000  MZ..............\n0x00007ffe 0xdeadbeef",
    "times": "from 09:30:00 to 17:45, 12/03/2024, 2024-W11, T+2, 18:04:11.123456",
    "ports": "0.0.0.0:8080->80/tcp, [::]:443, tcp 5432, :9092, localhost:27017",
}


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_found(find: Find, name: str) -> None:
    assert find(TEXTS[name]) == []


@pytest.mark.parametrize("name", TEXTS)
def test_and_a_secret_in_its_midst_is(find: Find, name: str) -> None:
    token = "ghp_8799kQw7LmZx9B2vTn6180RyUoPaSd31"
    for text in (f"{TEXTS[name]}\n{token}\n", f"{token}\n{TEXTS[name]}"):
        assert find(text) == [("SECRET", token)]

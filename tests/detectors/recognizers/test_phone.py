"""Ranges, years and moments are no telephone numbers; what looks like one of them may be one all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    "text",
    [
        "lon -180.00..180.00, call it",
        "phone sensor range 180.000...180.000",
        "mobile share 10.50-20.75",
        "years 2017-2020 in call",
        "contact for 2017-2020 and mobile 2015–2019",
        "手机号登录 iat 1771574400 exp: 1771578000",
        "手机号字段,ts 1771574400",
        "timestamps [1771574400, 1771574460, 1771574520] 手机号校验",
        '{"created_at": 1771574400, "phone": "x"}',
        '{"phone": "x", "updatedAt": 1771574400}',
        "手机号表,时间戳:1771574400",
        "phone rows 12, 1771574400, 44",
        "登录 time: 1771574400 手机号",
    ],
)
def test_none(find: Find, text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("手机号: 1771574400", "1771574400"),
        ("手机号 1771574400, 1751234567", "1771574400"),
        ("telefon 1771574400", "1771574400"),
        ("call any time 1771574400", "1771574400"),
        ("age, phone: 34, 1771574400", "1771574400"),
        ("call 030.12-45.67", "030.12-45.67"),
        ("Tel. 01.23.45.67.89", "01.23.45.67.89"),
        ("电话 2017-2020", "2017-2020"),
        ("tel 2017 2020", "2017 2020"),
        ("exp: 1771574400 手机号 13800138000", "13800138000"),
    ],
)
def test_a_number_all_the_same(find: Find, text: str, value: str) -> None:
    assert ("PHONE_NUMBER", value) in find(text)

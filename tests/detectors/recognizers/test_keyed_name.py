"""Chinese names behind a key or a label; a label alone, or what says that a name is missing, is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("POST data: {'real_name': '展恬', 'ref': 7}", "展恬"),
        ('{"patientName":"仉佳","bed":4}', "仉佳"),
        ("contact_name=欧阳娜娜&x=1", "欧阳娜娜"),
        ("联系人：桂向阳（长子）", "桂向阳"),
        ("| 姓名 | 性别 |\n姓 名：司马青 男", "司马青"),
        ('"姓名": "阿依古丽·买买提"', "阿依古丽·买买提"),
        ("收件人: 濮阳刚, 电话", "濮阳刚"),
        ('{\\"real_name\\": \\"冼星\\"}', "冼星"),
    ],
)
def test_found(find: Find, text: str, value: str) -> None:
    assert ("PERSON", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        '"real_name": "必填"',
        "姓名：不能为空",
        "联系人：同上",
        "realName: '姓名',",
        "收件人：请输入",
        "户名：海天有限公司",
        "投保人：本人",
        "姓名 性别 年龄",
        'label: "姓名", prop: "real_name"',
        "申请人：的",
    ],
)
def test_none(find: Find, text: str) -> None:
    assert [pair for pair in find(text) if pair[0] == "PERSON"] == []

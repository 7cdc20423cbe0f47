"""Chinese identifiers: found between Chinese characters, typed by their checksum, only the value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detectors.recognizers.zh import hk_mo_tw_id, resident_id, uscc

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("我的身份证号是11010519491231002X请核对", "CN_RESIDENT_ID", "11010519491231002X"),
        ("身份证:440308 19990101 0019。", "CN_RESIDENT_ID", "440308 19990101 0019"),
        ("老身份证号码110105491231002,已换", "CN_RESIDENT_ID", "110105491231002"),
        ("id=11010519491231002x&x=1", "CN_RESIDENT_ID", "11010519491231002x"),
        ("请打13800138000联系我", "PHONE_NUMBER", "13800138000"),
        ("电话：138-0013-8000。", "PHONE_NUMBER", "138-0013-8000"),
        ("手机+86 138 0013 8000", "PHONE_NUMBER", "+86 138 0013 8000"),
        ("座机010-62345678转802", "PHONE_NUMBER", "010-62345678转802"),
        ("号码幺三八零零幺三八零零零记一下", "PHONE_NUMBER", "幺三八零零幺三八零零零"),
        ("請致電0912-345-678", "PHONE_NUMBER", "0912-345-678"),
        ("税号91350100M000100Y43开票", "CN_USCC", "91350100M000100Y43"),
        ("护照号E12345678有效", "CN_PASSPORT", "E12345678"),
        ("港澳通行证C12345678", "CN_TRAVEL_PERMIT", "C12345678"),
        ("车牌京A·12345停在楼下", "LICENSE_PLATE", "京A·12345"),
        ("新能源车粤BDF3927", "LICENSE_PLATE", "粤BDF3927"),
        ("香港身份证A123456(3)", "HK_ID", "A123456(3)"),
        ("身分證字號A123456789", "TW_ID", "A123456789"),
        ("卡号6222020000000000008转账", "CREDIT_CARD", "6222020000000000008"),
        ("病案号 00873216", "MEDICAL_RECORD", "00873216"),
        ("工号：K45333", "EMPLOYEE_ID", "K45333"),
        ("密码：Yx#2024!moon", "SECRET", "Yx#2024!moon"),
        ("短信验证码 558130", "SECRET", "558130"),
        ("root密码Lb@20261101", "SECRET", "Lb@20261101"),
    ],
)
def test_found(find: Find, text: str, entity: str, value: str) -> None:
    assert (entity, value) in find(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("我家住在北京市海淀区中关村大街27号院3号楼2单元501室。", "北京市海淀区中关村大街27号院3号楼2单元501室"),
        ("寄到广东省深圳市南山区科技园路1号A座1203室", "广东省深圳市南山区科技园路1号A座1203室"),
        ("地址：上海市浦东新区张江路88弄12号602室", "上海市浦东新区张江路88弄12号602室"),
    ],
)
def test_address(find: Find, text: str, value: str) -> None:
    assert ("ADDRESS", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "第19条规定,2024年3月12日起施行",
        "共计138001380001234567890条",
        "版本 v1.38.0013 已发布",
        "密码不能为空",
        "请输入验证码",
        "密码:******",
        "GB/T 19001-2016 标准",
        "订单状态码 10086",
        "时间戳 1710000000000",
    ],
)
def test_nothing(find: Find, text: str) -> None:
    assert find(text) == []


def test_check_characters() -> None:
    assert resident_id.check_character("11010519491231002") == "X"
    assert uscc.check_character("91350100M000100Y4") == "3"
    assert hk_mo_tw_id.hong_kong_valid("A123456(3)")
    assert not hk_mo_tw_id.hong_kong_valid("A123456(4)")
    assert hk_mo_tw_id.hong_kong_valid("AB987654(3)") == hk_mo_tw_id.hong_kong_valid("AB9876543")
    assert hk_mo_tw_id.taiwan_valid("A123456789")
    assert not hk_mo_tw_id.taiwan_valid("A123456788")


def test_no_such_day_or_region_is_no_resident_id(find: Find) -> None:
    assert "CN_RESIDENT_ID" not in dict(find("身份证 110105199902300019"))
    assert "CN_RESIDENT_ID" not in dict(find("身份证 990105199902200019"))

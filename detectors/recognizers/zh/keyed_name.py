# ruff: noqa: E501 - expressions and word lists are read line by line
"""``PERSON``: a Chinese name behind the key or label of a person's name: ``"real_name": "展恬"``, 联系人：桂向阳.

The model reads what stands around a name; a record has nothing there but the key. May import ``strict`` and ``names``.
"""

from __future__ import annotations

import re
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.names import han_parts
from detectors.recognizers.strict import Patterns

_KEYS = r"(?:real_?name|true_?name|full_?name|xing_?ming|cn_?name|name_?cn|patient_?name|customer_?name|contact_?name|contact_?person|emp(?:loyee)?_?name|student_?name|user_?real_?name|holder_?name|card_?holder|account_?holder|recipient(?:_?name)?|receiver(?:_?name)?|consignee|payee(?:_?name)?|applicant(?:_?name)?|insured(?:_?name)?|emergency_?contact)"
_LABELS = r"(?:姓\s{0,4}名|真实姓名|真實姓名|患者姓名|客户姓名|联系人|聯絡人|紧急联系人|緊急聯絡人|收件人|收货人|收貨人|寄件人|发件人|持卡人|户名|戶名|法定代表人|法人代表|投保人|被保险人|被保人|受益人|申请人|申請人|监护人|監護人|户主|戶主|经办人|經辦人|责任医师|主治医师|主刀|术者|接诊医生|班主任|辅导员|推荐人|推薦人)"
_NAME = r"(?P<value>[\u3400-\u9fff]{2,4}|[\u4e00-\u9fff]{1,8}[·•・][\u4e00-\u9fff]{1,10})"
_NO_NAMES = re.compile(
    r"姓名|名称|必填|选填|未知|匿名|不详|不祥|暂无|不能|不得|请输|请填|格式|错误|長度|长度|字段|用户|客户|客戶|患者|联系|收件|收货|本人|同上|如下|签名|签字|盖章|身份|电话|手机|地址|信息|资料|类型|测试|示例|样例|默认|为空|空值|脱敏|保密|无|某某|公司|银行|医院|中心|部门|学校|集团|有限"
)


class CnKeyedNameRecognizer(Patterns):
    """``PERSON``."""

    ENTITY = "PERSON"
    LANGUAGE = "zh"
    NEEDS: ClassVar = {
        "key": (
            "name", "contact", "holder", "recipient", "receiver", "consignee", "payee", "applicant", "insured", "xingming", "xing_ming",
        ),
        "label": ("姓", "人", "户名", "戶名", "户主", "戶主", "代表", "医师", "主刀", "术者", "医生", "班主任", "辅导员"),
    }  # fmt: skip
    PATTERNS: ClassVar = (
        ("key", rf"(?<![A-Za-z0-9])(?i:{_KEYS})\\?[\"']?\]?\s{{0,3}}[:=：]>?\s{{0,3}}u?\\?[\"']?{_NAME}(?=\\?[\"',;，；\s}})\]<&]|$)", 0.6),
        ("label", rf"{_LABELS}(?:\*\*)?\\?[\"'”」】]?[ \t]{{0,3}}[:：=|＝][ \t]{{0,3}}\\?[\"'“「]?{_NAME}(?=[\s\"'”」,，;；、。|(（)）\]}}/<]|\\|$)", 0.6),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """A surname comes first, or the name has a dot; what says that a name is missing or wanted is none."""
        value = match["value"]
        if _NO_NAMES.search(value):
            return None
        parts = han_parts(value)
        if not any(dot in value for dot in "·•・") and (parts is None or not parts[0]):
            return None
        return super().judge(text, match, pattern)

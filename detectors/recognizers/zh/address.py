# ruff: noqa: E501 - expressions and word lists are read line by line
"""Postal addresses in Chinese: province, city, district, road, number, building, unit, room.

By form (GB/T 23705 names the parts), not by gazetteer: a road or estate with a house number, with whatever larger parts stand
directly before it. What has no number (a city, a road alone) is the model's business.
"""

from __future__ import annotations

import re
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Reading
from detectors.recognizers.strict import Patterns

_STOP = r"(?![住在于於到寄址是我你您他她它为為从從家说說们們了请請位及就搬给給送发發至的和与與让讓把被没有这那有嚟订放存籍到点留去走往附见])"
_HAN = rf"(?:{_STOP}[\u4e00-\u9fff])"
_PROVINCE = (
    r"(?:(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省?"
    r"|内蒙古(?:自治区)?|广西(?:壮族自治区)?|西藏(?:自治区)?|宁夏(?:回族自治区)?|新疆(?:维吾尔自治区)?|北京市?|上海市?|天津市?|重庆市?|香港|澳门|台北市?|臺北市?)?"
)
_NUMBER = r"(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,5})"
_LARGE = rf"{_PROVINCE}(?:{_HAN}{{1,7}}?(?:自治州|地区|盟|市))?(?:{_HAN}{{1,7}}?(?:自治县|新区|区|區|县|縣|旗|市))?(?:{_HAN}{{1,8}}?(?:街道|镇|鎮|乡|鄉|苏木))?"
_ROAD = rf"{_HAN}{{1,9}}?[0-9一二三四五六七八九十]{{0,3}}(?:路|街|大道|道|巷|弄|胡同|胡同|条|段|里|村|屯|社|组|大街|小区|花园|苑|园|公寓|新村|城|府|庭|邨)"
_TAIL = (
    rf"(?:(?:[ ,,-]?(?:{_NUMBER}|[A-Za-z]|[甲乙丙丁东西南北])(?:号楼|号院|号|號|弄|栋|棟|幢|座|单元|單元|层|層|楼|樓|室|户|门|巷|段|組|组|之)"
    rf"(?:之[0-9一二三四五六七八九十]{{1,2}})?)|(?:{_HAN}{{1,8}}(?=[0-9A-Za-z])))"
)


_NUMBERED = re.compile(r"[0-9A-Za-z一二三四五六七八九十百] ?(?:号|號|弄|栋|棟|幢|座|巷|段|院|组)")
_ADDRESS_LIKE = re.compile(r"[0-9号號省市县區区镇鎮乡鄉]")


class CnAddressRecognizer(Patterns):
    """``ADDRESS``."""

    ENTITY = "ADDRESS"
    LANGUAGE = "zh"
    PATTERNS: ClassVar = (
        (
            "street",
            rf"{_LARGE}(?:{_ROAD}){{1,3}}(?:[ ]?{_NUMBER}(?:[-–/][0-9]{{1,4}})?[ ]?(?:号楼|号院|号|號|弄|栋|棟|幢|座|巷|段|院|组))"
            rf"(?:(?:{_TAIL}){{0,6}}(?:[0-9A-Za-z]{{1,4}}(?:-[0-9A-Za-z]{{1,4}}){{0,3}}(?:室|号|號|户|房)?)?)?",
            0.6,
        ),
        (
            "building",
            rf"(?<![0-9A-Za-z])(?:{_HAN}{{2,8}}(?:小区|花园|苑|公寓|新村|家园|花苑|名邸|城|府|庭|社区|宿舍))?"
            r"[0-9A-Z]{1,3}(?:号楼|栋|棟|幢|座)[ ]?(?:[0-9一二三四五六]{1,2}(?:单元|單元|门))?[ ]?(?:[0-9]{1,2}[层層楼樓])?[0-9]{3,4}(?:室|户|房)?",
            0.5,
        ),
    )
    CONTEXT = ("住", "地址", "寄", "收货", "送到", "家住", "户籍", "住址", "address")

    def stretches(self, reading: Reading) -> list[tuple[int, int]]:
        """Around numbers with a number word: part of the definition, not a prefilter."""
        found: list[tuple[int, int]] = []
        for hit in _NUMBERED.finditer(reading.text):
            start, end = max(0, hit.start() - 56), min(len(reading.text), hit.end() + 48)
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return found

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """A number in numerals of prose (三条一组) is none without a place name's ending."""
        value = match[0]
        if not _ADDRESS_LIKE.search(value):
            return None
        return super().judge(text, match, pattern)

    def can_match(self, reading: Reading) -> bool:
        """A number word that only addresses have must be there."""
        text = reading.text
        return not reading.prefilter or any(word in text for word in "号號弄栋棟幢座巷段院组")

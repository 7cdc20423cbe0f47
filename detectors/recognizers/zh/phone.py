# ruff: noqa: E501 - expressions and word lists are read line by line
"""Telephone numbers of mainland China, Hong Kong, Macao and Taiwan, as people write them.

Mobile: 11 digits, 13x to 19x (MIIT numbering plan, 2017). Landline: area code 010, 02x or 0xxx (YD/T 1126), seven or
eight digits, extension. Taiwan: 09xx-xxx-xxx and (0x) landlines (NCC plan); Hong Kong: eight digits (OFCA plan), with context.
Service numbers (400, 800, 95xxx, 12345) are no one's own and are not reported.
Numbers dictated in Chinese numerals (幺三八…) arrive here as digits through the shadow text (``normalize``).
"""

from __future__ import annotations

from typing import ClassVar

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns

_BEFORE = r"(?<![0-9A-Za-z_])(?<![0-9][.\-/:])"
_AFTER = r"(?![0-9A-Za-z_])(?![.\-:/][0-9])"
_NO_DATE = r"(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d))"
_NO_YEARS = r"(?!20[0-4]\d-20[0-4]\d(?!\d))"
_CONTEXT = (
    "电话", "電話", "手机", "手機", "联系", "聯絡", "联络", "致电", "致電", "撥打", "拨打", "座机", "传真", "來電", "来电", "热线", "专线",
    "tel", "phone", "mobile", "call", "fax", "whatsapp", "wechat", "微信",
)  # fmt: skip


class CnPhoneRecognizer(Patterns):
    """``PHONE_NUMBER``."""

    ENTITY = "PHONE_NUMBER"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        ("mobile", _BEFORE + r"(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?(?:\d{4}[ -]?\d{4}|\d{3}[ -]?\d{5})" + _AFTER, 0.75),
        ("mobile-plus", r"(?:\+|00|[(\uff08]\+?)86[)\uff09]?[ -]?1[3-9]\d[ -]?\d{4}[ -]?\d{4}" + _AFTER, 0.8),
        (
            "landline",
            _BEFORE
            + r"(?:(?:\+|00)?86[ -]?)?[(\uff08]?0(?:10|2\d|[3-9]\d{2})[)\uff09]?[- —–.]{1,2}[2-8]\d{2,3}[ -]?\d{4}(?:(?:[-—*#]| ?转 ?| ?ext\.? ?)\d{1,6})?"
            + _AFTER,
            0.65,
        ),
        ("landline-paren", r"[(\uff08]0(?:10|2\d|[3-9]\d{2})[)\uff09] ?[2-8]\d{2,3}[ -]?\d{4}" + _AFTER, 0.65),
        ("landline-bare", _BEFORE + r"0(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}" + _AFTER, 0.3),
        ("tw-mobile", _BEFORE + r"(?:\+?886[ -]?|0)9\d{2}[ -]\d{3}[ -]?\d{3}" + _AFTER, 0.6),
        ("tw-mobile-bare", _BEFORE + r"09\d{8}" + _AFTER, 0.4),
        (
            "tw-landline",
            _BEFORE
            + r"[(\uff08]?0(?:[2-8]|37|49|8[29]|826|836)[)\uff09]?[ -]?(?<=[- )\uff09])\d{3,4}[ -]\d{4}(?: ?(?:#|轉|转|分機|ext\.?) ?\d{1,5})?(?! ?\d)"
            + _AFTER,
            0.5,
        ),
        ("hk", _BEFORE + r"(?:\(?(?:\+|00)?85[23]\)?[ -]?)[2-9]\d{3}[ -]?\d{4}" + _AFTER, 0.7),
        ("hk-local", _BEFORE + _NO_DATE + _NO_YEARS + r"[2-9]\d{3}[ -]?\d{4}" + _AFTER, 0.15),
        ("local", _BEFORE + _NO_DATE + _NO_YEARS + r"[2-8]\d{2,3}[ -]?\d{4}" + _AFTER, 0.1),
    )
    CONTEXT = _CONTEXT

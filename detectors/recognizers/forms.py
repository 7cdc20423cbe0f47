# ruff: noqa: E501 - expressions and word lists are read line by line
"""Numbers that their written form alone gives away, wherever they stand: no label, no checksum library needed.

Ghana Card (NIA: ``GHA-`` and ten digits), British driving licence (DVLA INF45/1: five letters of the surname, coded date of birth), US Medicare
beneficiary identifier (CMS MBI format), German pension insurance number (VKVV: area, date of birth, initial, serial), UPU S10 parcel numbers (check
digit with weights 8 6 4 2 3 5 9 7), machine-readable zones (ICAO Doc 9303), UPS 1Z numbers, Chinese case, notarial and property numbers (最高人民法院 case number rules, 2015), Chinese military
certificates (字第…号), British sort code with account number, US alien number. May import ``strict``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Reading, Seed
from detectors.recognizers.strict import FLAGS_CASED, StrictPatterns, result_of


def s10_valid(value: str) -> bool:
    """True if the check digit of a UPU S10 item identifier (``RR473124829GB``) fits."""
    digits = [int(char) for char in value if char.isdigit()]
    rest = 11 - sum(d * w for d, w in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7), strict=False)) % 11
    return len(digits) == 9 and digits[8] == {10: 0, 11: 5}.get(rest, rest)


def rvnr_valid(value: str) -> bool:
    """True if the check digit of a German pension insurance number fits (VKVV § 4: weights 2 1 2 5 7 1 2 1 2 1 2 1)."""
    bare = value.replace(" ", "")
    digits = bare[:8] + f"{ord(bare[8].upper()) - 64:02d}" + bare[9:]
    total = sum(sum(divmod(int(d) * w, 10)) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=False))
    return total % 10 == int(digits[-1])


@dataclass(frozen=True, slots=True)
class Form:
    """One written form."""

    name: str
    entity: str
    form: str
    """Case-sensitive."""
    score: float
    literals: Sequence[str] = ()
    """One of them is in every match."""
    check: Callable[[str], bool] | None = None
    """A checksum. Without a fit there is no finding."""


_S, _E = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_MBI = "AC-HJKMNP-RTU-Y"

FORMS: tuple[Form, ...] = (
    Form("mrz-passport", "PASSPORT", r"(?<![0-9A-Z<])[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{6}[0-9][MFX<][0-9]{6}[0-9][A-Z0-9<]{2,16}(?![0-9A-Z<])", 0.8, ("<",)),
    Form("mrz-card", "NATIONAL_ID", r"(?<![0-9A-Z<])[IAC][A-Z<][A-Z<]{3}[A-Z0-9<]{9}[0-9][A-Z0-9<]{15}(?![0-9A-Z<])", 0.7, ("<",)),
    Form("mrz-name", "PERSON", r"(?<=(?<![0-9A-Z<])P[A-Z<][A-Z]{3})[A-Z]{2,30}<[A-Z<]{2,36}?(?=<{2,}|[\s\"']|$)", 0.75, ("<",)),
    Form("ghana-card", "NATIONAL_ID", rf"{_S}GHA-\d{{9}}-\d{_E}", 0.9, ("GHA-",)),
    Form("uk-driving-licence", "DRIVER_LICENSE", rf"{_S}[A-Z9]{{5}} ?\d[0156]\d[0-3]\d\d ?[A-Z9][A-Z0-9][A-Z0-9] ?[A-Z0-9]{{2}}(?: ?\d\d)?{_E}", 0.8),
    Form("us-mbi", "US_MBI", rf"{_S}(?=[0-9]*[A-Z])[1-9][{_MBI}][0-9{_MBI}]\d[{_MBI}][0-9{_MBI}]\d[{_MBI}]{{2}}\d\d{_E}", 0.6),
    Form("de-rvnr", "SOCIAL_SECURITY", rf"{_S}\d\d ?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d ?[A-Z] ?\d{{3}}{_E}", 0.8, check=rvnr_valid),
    Form("de-rvnr-mistyped", "SOCIAL_SECURITY", rf"{_S}\d\d ?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d ?[A-Z] ?\d{{3}}{_E}", 0.2),
    Form("upu-s10", "ORDER_ID", rf"{_S}[A-Z]{{2}}(?:\d{{9}}|\d{{3}} \d{{3}} \d{{3}}|\d{{4}} \d{{4}} \d)[A-Z]{{2}}{_E}", 0.8, check=s10_valid),
    Form("ups-1z", "ORDER_ID", rf"{_S}1Z(?: ?[0-9A-Z]{{3}} ?[0-9A-Z]{{3}} ?[0-9A-Z]{{2}} ?\d{{4}} ?\d{{3,4}}| ?[0-9A-Z]{{16}}){_E}", 0.85, ("1Z",)),
    Form("cn-court-case", "CUSTOMER_ID", r"[(（〔\[](?:19|20)\d\d[)）〕\]][\u4e00-\u9fff]{1,4}\d{0,6}[\u4e00-\u9fff]{1,5}(?:第)?\d{1,7}号(?:之[一二三四五六七八九十])?", 0.7, ("号",)),
    Form("cn-numbered-deed", "CUSTOMER_ID", r"(?:[\u4e00-\u9fff]{1,3})?[(（〔\[](?:19|20)\d\d[)）〕\]][\u4e00-\u9fff]{1,12}第\d{3,8}[号號]", 0.7, ("号", "號")),
    Form("cn-numbered-word", "CUSTOMER_ID", r"(?:(?![号號证證为是编件])[\u4e00-\u9fff]){1,6}字[(（〔\[]?(?:(?:19|20)\d\d[)）〕\]])?第\d{1,12}[号號]", 0.7, ("字",)),
    Form("sg-nric-glued", "SG_NRIC_FIN", r"(?<=NRIC|FIN)[STFGM]\d{7}[A-Z](?![0-9A-Za-z])", 0.8, ("NRIC", "FIN")),
    Form("cn-military", "NATIONAL_ID", r"(?:军|南|北|东|西|中|空|海|火|武|政|后|参|联|文|士|警)字第\d{6,9}号", 0.75, ("字第",)),
    Form("cn-long-numbered", "ORDER_ID", r"第\d{12,22}号", 0.6, ("号",)),
    Form("tw-court-case", "CUSTOMER_ID", r"\d{2,3}年(?:度)?[\u4e00-\u9fff]{1,8}字第\d{1,7}[號号]", 0.75, ("字第",)),
    Form("uk-sort-account", "BANK_ACCOUNT", rf"{_S}(?<![\-–])\d\d-\d\d-\d\d(?: ?[,/;]? ?(?:acct?|a/c|account)?\.?:? ?)\d{{8}}{_E}(?!-)", 0.6),
    Form("us-alien", "NATIONAL_ID", rf"{_S}A#? ?(?:\d{{3}}-\d{{3}}-\d{{3}}|\d{{8,9}}(?=\W)){_E}", 0.3),
    Form("us-hicn", "SOCIAL_SECURITY", rf"{_S}\d{{3}}-\d{{2}}-\d{{4}}[A-DTMW][1-9]?{_E}", 0.75),
    Form("nz-account", "BANK_ACCOUNT", rf"{_S}(?:0[1-9]|[123]\d)-\d{{4}}-\d{{7}}-\d{{2,3}}{_E}", 0.65),
    Form("dhl-jjd", "ORDER_ID", rf"{_S}JJD[- ]?\d[0-9\-]{{8,22}}X?{_E}", 0.6, ("JJD",)),
    Form("ph-philhealth", "HEALTH_INSURANCE", rf"{_S}\d{{2}}-\d{{9}}-\d{_E}", 0.3),
    Form("jp-plate", "LICENSE_PLATE", r"[\u4e00-\u9fff]{1,4} ?\d{2,3} ?[\u3041-\u3093] ?\d{1,2}-\d{2}(?!\d)", 0.7),
    Form("kr-plate", "LICENSE_PLATE", r"(?<!\d)\d{2,3}[가-힣] ?\d{4}(?!\d)", 0.55),
    Form("cn-foreigner-card", "NATIONAL_ID", rf"{_S}[A-Z]{{3}}\d{{6}}(?:19|20|0[0-9]|[1-9]\d)\d{{6}}{_E}", 0.4),
    Form("cn-disability", "NATIONAL_ID", rf"{_S}[1-8]\d{{5}}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{{3}}[0-9X][1-7][1-4](?:B\d)?{_E}", 0.8),
    Form("cn-new-energy-plate", "LICENSE_PLATE", r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][DF]?[·•・]?[0-9DF][0-9]{4}[0-9DF](?![0-9A-Za-z])", 0.75),
    Form("tw-plate", "LICENSE_PLATE", rf"{_S}[A-Z]{{3}}-\d{{4}}{_E}", 0.2),
)  # fmt: skip


_CONTEXT: Mapping[str, tuple[str, ...]] = {
    "us-alien": ("alien", "uscis", "a#", "a-number", "immigration", "i-485", "green card", "asylum"),
    "de-rvnr-mistyped": ("sozialversicherung", "rentenversicherung", "sv-nr", "rvnr", "svnr"),
    "ph-philhealth": ("philhealth", "health", "insurance"),
    "tw-plate": ("车", "車", "牌"),
    "cn-foreigner-card": ("永久居留", "外国人"),
}


class FormRecognizer(StrictPatterns):
    """One row of ``FORMS``."""

    FLAGS: ClassVar = FLAGS_CASED
    SEED: ClassVar = Seed.NONE

    def __init__(self, form: Form) -> None:
        super().__init__(
            supported_entity=form.entity,
            name=f"FormRecognizer.{form.name}",
            patterns=[Pattern(form.name, form.form, form.score)],
            context=list(_CONTEXT.get(form.name, ())),
        )
        self._form = form

    def can_match(self, reading: Reading) -> bool:
        """One of the form's literals must be there."""
        return not (
            reading.prefilter
            and self._form.literals
            and not any(literal in reading.text for literal in self._form.literals)
        )

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """The match; where the form has a checksum, only with a fit."""
        check = self._form.check
        if check is not None and not check(match[0]):
            return None
        return result_of(self, self._form.entity, match.start(), match.end(), pattern.score, verified=check is not None)


def form_recognizers() -> list[FormRecognizer]:
    """All rows."""
    return [FormRecognizer(form) for form in FORMS]

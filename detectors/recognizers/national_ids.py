# ruff: noqa: E501 - expressions and word lists are read line by line
"""National identity, tax and health numbers that Presidio lacks, with the checksums of ``python-stdnum``.

One row each: country, entity, ``stdnum`` module (its docstring cites the standard), the written form, whether that form alone is rare
enough for its checksum to be proof, context words. ``strong`` is False for bare runs of digits: one in ten random
numbers passes a check digit, so those need a context word.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult
from stdnum.exceptions import ValidationError

from detectors.reading import Seed
from detectors.recognizers.strict import CHECKED, StrictPatterns

UNCHECKED_SCORE = 0.2


@dataclass(frozen=True, slots=True)
class Number:
    """One kind of number."""

    country: str
    entity: str
    module: str
    form: str
    strong: bool
    context: Sequence[str]
    seed: Seed = Seed.LONG


_ID = ("id", "identity", "national id", "id number")

NUMBERS: tuple[Number, ...] = (
    Number("fr", "FR_NIR", "fr.nir", r"[12][ .]?\d\d[ .]?(?:[02-9]\d|1[0-2])[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}[ .]?\d\d", True, ("nir", "sécu", "sécurité sociale", "securite sociale", "insee", "social security")),
    Number("fr", "FR_SIRET", "fr.siret", r"\d{3} ?\d{3} ?\d{3} ?\d{5}", False, ("siret",)),
    Number("fr", "FR_TVA", "fr.tva", r"FR ?[0-9A-Z]{2} ?\d{3} ?\d{3} ?\d{3}", True, ("tva", "vat")),
    Number("de", "DE_TAX_ID", "de.idnr", r"[1-9]\d[ /]?\d{3}[ /]?\d{3}[ /]?\d{3}", False, ("steuer", "steuer-id", "idnr", "identifikationsnummer", "steuernummer", "tax id", "tin", "german tax")),
    Number("de", "DE_VAT_ID", "de.vat", r"DE ?\d{3} ?\d{3} ?\d{3}", True, ("ust", "vat", "umsatzsteuer")),
    Number("at", "AT_VNR", "at.vnr", r"\d{4} ?\d{6}", False, ("svnr", "sozialversicherung", "versicherungsnummer", "sv-nummer", "vnr")),
    Number("at", "AT_UID", "at.uid", r"ATU ?\d{8}", True, ("uid", "ust")),
    Number("ch", "CH_AHV", "ch.ssn", r"756[.]?\d{4}[.]?\d{4}[.]?\d{2}", True, ("ahv", "avs", "ssn", "sozialversicherung")),
    Number("ch", "CH_UID", "ch.uid", r"CHE[- ]?\d{3}\.?\d{3}\.?\d{3}", True, ("uid",)),
    Number("nl", "NL_BSN", "nl.bsn", r"\d{4}[ .]?\d{2}[ .]?\d{3}|\d{3}[ .]\d{3}[ .]\d{3}", False, ("bsn", "burgerservicenummer", "sofinummer")),
    Number("nl", "NL_VAT", "nl.btw", r"NL ?\d{9}B\d{2}", True, ("btw", "vat")),
    Number("be", "BE_NN", "be.nn", r"\d\d[. ]?\d\d[. ]?\d\d[-. ]?\d{3}[. ]?\d\d", False, ("rijksregister", "registre national", "national number", "nn", "insz", "niss", "rrn")),
    Number("es", "ES_CIF", "es.cif", r"[A-HJNPQRSUVW][- ]?\d{7}[- ]?[0-9A-J]", False, ("cif", "nif")),
    Number("pt", "PT_NIF", "pt.nif", r"[1-9]\d{2}[ .]?\d{3}[ .]?\d{3}", False, ("nif", "contribuinte", "nipc")),
    Number("pt", "PT_CC", "pt.cc", r"\d{8} ?\d ?[A-Z0-9]{2}\d", True, ("cartão de cidadão", "citizen card", "cc")),
    Number("ie", "IE_PPS", "ie.pps", r"\d{7}[A-W][A-IW]?", True, ("pps", "ppsn", "personal public service")),
    Number("dk", "DK_CPR", "dk.cpr", r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d[- ]?\d{4}", False, ("cpr", "personnummer", "cpr-nr")),
    Number("no", "NO_FNR", "no.fodselsnummer", r"(?:[0-7]\d)(?:[0-9]\d)\d\d ?\d{5}", False, ("fødselsnummer", "fodselsnummer", "fnr", "personnummer", "d-nummer", "national id")),
    Number("se", "SE_PNR", "se.personnummer", r"(?:19|20)?\d\d(?:0[1-9]|1[0-2])(?:[0-6]\d|[789]\d)[-+]\d{4}", True, ("personnummer", "samordningsnummer", "pnr")),
    Number("se", "SE_ORGNR", "se.orgnr", r"\d{6}-\d{4}", False, ("orgnr", "organisationsnummer", "org.nr")),
    Number("is", "IS_KENNITALA", "is_.kennitala", r"\d{6}-?\d{4}", False, ("kennitala", "kt")),
    Number("fi", "FI_YTUNNUS", "fi.ytunnus", r"\d{7}-\d", False, ("y-tunnus", "business id")),
    Number("ee", "EE_IK", "ee.ik", r"[1-8]\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}", False, ("isikukood", "ik", *_ID)),
    Number("lv", "LV_PK", "lv.pvn", r"\d{6}[- ]\d{5}", True, ("personas kods", "pk", *_ID)),
    Number("lt", "LT_AK", "lt.asmens", r"[1-6]\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}", False, ("asmens kodas", *_ID)),
    Number("pl", "PL_NIP", "pl.nip", r"\d{3}[- ]?\d{3}[- ]?\d{2}[- ]?\d{2}|\d{3}[- ]\d{2}[- ]\d{2}[- ]\d{3}", False, ("nip", "vat")),
    Number("pl", "PL_REGON", "pl.regon", r"\d{9}(?:\d{5})?", False, ("regon",)),
    Number("cz", "CZ_RC", "cz.rc", r"\d\d(?:[0257][1-9]|[1368][0-2])(?:0[1-9]|[12]\d|3[01])/?\d{3,4}", False, ("rodné číslo", "rodne cislo", "rč", "r.č.", "birth number", "r. č.")),
    Number("sk", "SK_RC", "sk.rc", r"\d\d(?:[0257][1-9]|[1368][0-2])(?:0[1-9]|[12]\d|3[01])/\d{3,4}", True, ("rodné číslo", "rč")),
    Number("hu", "HU_ANUM", "hu.anum", r"(?:HU ?)?\d{8}(?:-\d-\d\d)?", False, ("adószám", "anum", "vat", "tax number")),
    Number("ro", "RO_CNP", "ro.cnp", r"[1-9]\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{6}", True, ("cnp", "cod numeric")),
    Number("bg", "BG_EGN", "bg.egn", r"\d\d(?:[0-5]\d)(?:0[1-9]|[12]\d|3[01])\d{4}", False, ("egn", "егн")),
    Number("hr", "HR_OIB", "hr.oib", r"\d{11}", False, ("oib",)),
    Number("si", "SI_EMSO", "si.emso", r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{9}", False, ("emšo", "emso", "jmbg")),
    Number("gr", "GR_AFM", "gr.vat", r"\d{9}", False, ("afm", "α.φ.μ", "αφμ", "vat")),
    Number("gr", "GR_AMKA", "gr.amka", r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{7}", False, ("amka", "αμκα")),
    Number("tr", "TR_TCKN", "tr.tckimlik", r"[1-9]\d{10}", False, ("tc", "kimlik", "tckn", "tc kimlik", "t.c.", "national id")),
    Number("il", "IL_ID", "il.idnr", r"\d{8}-?\d", False, ("teudat", "zehut", "israeli id", "תעודת זהות", "ת.ז", "id")),
    Number("za", "ZA_ID", "za.idnr", r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]) ?\d{4} ?[01]\d ?\d", False, ("rsa", "sa id", "id no", "id number", "identity", "id")),
    Number("br", "BR_CPF", "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d", True, ("cpf",)),
    Number("br", "BR_CPF", "br.cpf", r"\d{11}", False, ("cpf",)),
    Number("br", "BR_CNPJ", "br.cnpj", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d", True, ("cnpj",)),
    Number("br", "BR_CNPJ", "br.cnpj", r"\d{14}", False, ("cnpj",)),
    Number("mx", "MX_CURP", "mx.curp", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", True, ("curp",), Seed.PAIR),
    Number("mx", "MX_RFC", "mx.rfc", r"[A-ZÑ&]{3,4} ?-?\d{6}-? ?[0-9A-Z]{3}", False, ("rfc",), Seed.PAIR),
    Number("ar", "AR_CUIT", "ar.cuit", r"(?:20|23|24|27|3[034]|5[015])-\d{8}-\d", True, ("cuit", "cuil")),
    Number("ar", "AR_CUIT", "ar.cuit", r"(?:20|23|24|27|3[034]|5[015])\d{9}", False, ("cuit", "cuil")),
    Number("cl", "CL_RUT", "cl.rut", r"\d{1,2}\.?\d{3}\.?\d{3}-[0-9K]", True, ("rut", "run")),
    Number("co", "CO_NIT", "co.nit", r"\d{3}\.?\d{3}\.?\d{3}-\d", False, ("nit",)),
    Number("ca", "CA_SIN", "ca.sin", r"\d{3}[ -]\d{3}[ -]\d{3}", False, ("sin", "social insurance", "nas", "assurance sociale")),
    Number("ca", "CA_SIN", "ca.sin", r"\d{9}", False, ("sin", "social insurance", "nas")),
    Number("ca", "CA_BN", "ca.bn", r"\d{9} ?R[CMPT] ?\d{4}", True, ("bn", "gst", "business number")),
    Number("nz", "NZ_IRD", "nz.ird", r"\d{2,3}-?\d{3}-?\d{3}", False, ("ird",)),
    Number("in", "IN_EPIC", "in_.epic", r"[A-Z]{3}\d{7}", False, ("epic", "voter")),
    Number("jp", "JP_CORPORATE_NUMBER", "jp.cn", r"\d{13}", False, ("法人番号", "corporate number")),
    Number("jp", "JP_MY_NUMBER", "jp.in_", r"\d{4}[ -]?\d{4}[ -]?\d{4}", False, ("マイナンバー", "個人番号", "my number", "mynumber")),
    Number("my", "MY_NRIC", "my.nric", r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?\d\d-?\d{4}", True, ("nric", "mykad", "ic", "ic no", "kad pengenalan")),
    Number("uk", "GB_UTR", "gb.utr", r"\d{5} ?\d{5}", False, ("utr", "unique taxpayer")),
    Number("uk", "GB_VAT", "gb.vat", r"(?:GB ?)?\d{3} ?\d{4} ?\d{2}", False, ("vat",)),
    Number("us", "US_EIN", "us.ein", r"\d\d-\d{7}", False, ("ein", "employer identification", "fein", "tax id")),
    Number("us", "US_ATIN", "us.atin", r"9\d\d-93-\d{4}", False, ("atin",)),
)  # fmt: skip


class NumberRecognizer(StrictPatterns):
    """A row of ``NUMBERS`` as a Presidio recognizer."""

    def __init__(self, number: Number) -> None:
        self._module: Any = importlib.import_module(f"stdnum.{number.module}")
        super().__init__(
            supported_entity=number.entity,
            name=f"NumberRecognizer.{number.entity}",
            context=list(number.context),
            patterns=[
                Pattern(
                    number.module,
                    rf"(?<![0-9A-Za-z_])(?<![0-9][.\-/])(?:{number.form})(?![0-9A-Za-z_])(?![.\-/][0-9])",
                    0.5 if number.strong else 0.15,
                )
            ],
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the checksum (and what else the standard demands) fits; None else: with context it is a mistyped one."""
        try:
            self._module.validate(pattern_text)
        except ValidationError:
            return None
        return True

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Without a right checksum it needs context, whatever its form; one digit repeated is a specimen's blank."""
        if len({char for char in match[0] if char.isdigit()}) < 2:
            return None
        result = super().judge(text, match, pattern)
        if result is not None and not result.recognition_metadata[CHECKED]:
            result.score = min(result.score, UNCHECKED_SCORE)
        return result


class LongNumberRecognizer(NumberRecognizer):
    """Only in windows around six or more digits."""

    SEED: ClassVar = Seed.LONG


class ShortNumberRecognizer(NumberRecognizer):
    """Only in windows around digit pairs."""

    SEED: ClassVar = Seed.PAIR


def number_recognizers(countries: Iterable[str]) -> list[NumberRecognizer]:
    """The recognizers of the chosen countries."""
    chosen = set(countries)
    kinds = {Seed.LONG: LongNumberRecognizer, Seed.PAIR: ShortNumberRecognizer}
    return [kinds[number.seed](number) for number in NUMBERS if number.country in chosen]

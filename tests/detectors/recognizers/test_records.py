"""Record and identity numbers by label (``record_labels``) and by form alone (``forms``)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detectors.recognizers.forms import rvnr_valid, s10_valid
from detectors.recognizers.labelled import stem
from detectors.recognizers.record_labels import MORE

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("her Ghana Card (GHA-718442093-5) expired", "NATIONAL_ID", "GHA-718442093-5"),
        ("licence HOPE9905148C99XX has my name", "DRIVER_LICENSE", "HOPE9905148C99XX"),
        ("record: MUTAS 856213 R90KD", "DRIVER_LICENSE", "MUTAS 856213 R90KD"),
        ("301-555-0125 | 6J87TE1NJ62", "US_MBI", "6J87TE1NJ62"),
        ("Versicherungsnummer 15 070649 C 103", "SOCIAL_SECURITY", "15 070649 C 103"),
        ("parcel RR473124829GB lost", "ORDER_ID", "RR473124829GB"),
        ("1Z 999 AA1 01 2345 6784 arrived", "ORDER_ID", "1Z 999 AA1 01 2345 6784"),
        ("(2024)沪0115民初20931号一案", "CUSTOMER_ID", "(2024)沪0115民初20931号"),
        ("案號113年度家親聲字第218號", "CUSTOMER_ID", "113年度家親聲字第218號"),
        ("原军官证号军字第20869967号", "NATIONAL_ID", "军字第20869967号"),
        ("残疾证,持证号54010219840418085442", "NATIONAL_ID", "54010219840418085442"),
        ("pay her, 56-18-42 22203402", "BANK_ACCOUNT", "56-18-42 22203402"),
        ("HICN 071-96-0466A", "SOCIAL_SECURITY", "071-96-0466A"),
        ("PhilSys 3602-9581-6274-0483", "NATIONAL_ID", "3602-9581-6274-0483"),
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "PERSON", "ERIKSSON<<ANNA<MARIA"),
        ("L898902C36UTO7408122F1204159ZE184226B<<<<<10", "PASSPORT", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
        ("PINFL 42804913590046, residing at", "NATIONAL_ID", "42804913590046"),
        ("My BRP is ZX7714902.", "NATIONAL_ID", "ZX7714902"),
        ("A# A208-447-193. Nurse", "NATIONAL_ID", "A208-447-193"),
        ("Matricule: 1982 0317 30925", "NATIONAL_ID", "1982 0317 30925"),
        ("的NRICS8712345F那份", "SG_NRIC_FIN", "S8712345F"),
        ("NIT 461232901. Contact", "TAX_ID", "461232901"),
        ("员工编号填好,员编TW20-0457", "EMPLOYEE_ID", "TW20-0457"),
        ("employee E-221204, on leave", "EMPLOYEE_ID", "E-221204"),
        ("PNR X7KQ2M is confirmed", "ORDER_ID", "X7KQ2M"),
        ("the client (client 629-03358-1) asks", "CUSTOMER_ID", "629-03358-1"),
        ("tractor unit 6203 LKB. Base", "LICENSE_PLATE", "6203 LKB"),
        ("Biển số xe 62-B1 884.07", "LICENSE_PLATE", "62-B1 884.07"),
        ("ナンバー 金沢 501 さ 48-26", "LICENSE_PLATE", "金沢 501 さ 48-26"),
        ('{"member": {"id": 1}, "licence": "KA0520110012345"}', "DRIVER_LICENSE", "KA0520110012345"),
    ],
)
def test_found(find: Find, text: str, entity: str, value: str) -> None:
    assert (entity, value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "lot RR473124828GB is not one",  # check digit
        "the response code is 4040",
        "error code is 1045",
        "上述产品编号 ZB-2025-0931",
        "国发〔2024〕5号文件",
        "case 12: ticket 3 of 4",
        "client 2.0.1 and member 12",
        "refer to section 2024-118 of the contract",
        "booking system",
        "PNR STATUS",
        "const licence = 'Apache-2.0'",
        "car 911 or van 12",
        "no 4711",
        "ref: refs/heads/main",
        "employee count 2500",
    ],
)
def test_near_misses(find: Find, text: str) -> None:
    assert find(text) == []


def test_check_digits() -> None:
    assert s10_valid("RR473124829GB")
    assert not s10_valid("RR473124820GB")
    assert rvnr_valid("15070649C103")
    assert not rvnr_valid("15070649C104")


def test_every_label_begins_with_a_literal() -> None:
    assert all(stem(word) for label in MORE for word in label.words)

"""Each kind of surrogate validates as what it stands for, and lies where it is nobody's."""

from __future__ import annotations

import ipaddress
import re
import uuid

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.ee import ik
from stdnum.gb import nhs
from stdnum.kr import rrn
from stdnum.lt import asmens
from stdnum.pl import pesel
from stdnum.ro import cnp

from addons.masking import surrogate_words as words
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.masking.surrogates import has_surrogates
from addons.policy.entities import KNOWN_ENTITIES, PLACEHOLDER
from detectors.names import EVERYDAY_EN, EVERYDAY_ZH
from detectors.spans import Span

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPES = st.integers(0, 10_000).map(lambda number: Scope(f"tenant/caller-{number}"))


def made(entity: str, value: str, scope: Scope) -> str:
    masking = MaskingSession(KEY, scope, as_surrogate=lambda entity: True)
    out = masking.mask(value, [Span(0, len(value), entity, 0.9, "test")])
    assert out != value
    assert masking.restoration().whole(out) == value
    return out


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def shape(text: str) -> str:
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text)))


@given(
    SCOPES, st.sampled_from(["4111 1111 1111 1111", "5500-0000-0000-0004", "371449635398431", "6222021234567890123"])
)
def test_cards_have_a_fitting_digit_and_a_test_range(scope: Scope, value: str) -> None:
    out = made("CREDIT_CARD", value, scope)
    assert shape(out) == shape(value)
    assert luhn.is_valid(digits(out))
    assert digits(out).startswith(("424242", "555555", "378282", "371449", "620000"))


@given(
    SCOPES,
    st.sampled_from(
        ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR1420041010050500013M02606",
         "NL91ABNA0417164300", "ES9121000418450200051332", "CH9300762011623852957", "PL61109010140000071219812874",
         "BE71096123456769", "NO9386011117947"]
    ),
)  # fmt: skip
def test_ibans_are_valid_and_of_the_same_country(scope: Scope, value: str) -> None:
    out = made("IBAN_CODE", value, scope)
    assert iban.is_valid(out)
    assert out[:2] == value[:2] and len(out) == len(value)


@given(
    SCOPES,
    st.sampled_from(
        [("+1 415-555-0132", "US"), ("(415) 555-0132", "US"), ("1-415-555-0132", "US"), ("13912345678", "CN"),
         ("+86 139 1234 5678", "CN"), ("020 7946 0123", "GB"), ("+61 412 345 678", "AU")]
    ),
)  # fmt: skip
def test_telephone_numbers_keep_country_and_format(scope: Scope, pair: tuple[str, str]) -> None:
    value, region = pair
    out = made("PHONE_NUMBER", value, scope)
    assert shape(out) == shape(value)
    number = phonenumbers.parse(out, region)
    assert phonenumbers.region_code_for_number(number) == region
    national = str(number.national_number)
    reserved = {"US": r"...55501..", "CN": r"1..0000....", "GB": r"2079460...", "AU": r"491570..."}[region]
    assert re.fullmatch(reserved, national)


@given(SCOPES)
def test_national_ids(scope: Scope) -> None:
    out = made("CN_RESIDENT_ID", "11010519491231002X", scope)
    assert ric.is_valid(out) and out[6:8] == "18"
    assert made("NATIONAL_ID", "11010519491231002X", scope)[6:8] == "18"
    out = made("UK_NHS", "943 476 5919", scope)
    assert nhs.is_valid(out) and out.startswith("999 ") and shape(out) == "000 000 0000"
    assert re.fullmatch(r"9\d\d-\d\d-\d{4}", made("US_SSN", "536-22-1234", scope))
    assert re.fullmatch(r"QQ \d\d \d\d \d\d [A-D]", made("UK_NINO", "AB 12 34 56 C", scope))
    out = made("IMEI", "490154203237518", scope)
    assert luhn.is_valid(out) and out.startswith("001") and len(out) == 15


@pytest.mark.parametrize(
    ("entity", "value", "module"),
    [
        ("PL_PESEL", "44051401359", pesel), ("LT_AK", "33309240064", asmens),
        ("KR_RRN", "971013-9019902", rrn), ("EE_IK", "36805280109", ik),
        ("RO_CNP", "1630615123457", cnp), ("BG_EGN", "7523169263", egn),
    ],
)  # fmt: skip
def test_ids_that_tell_the_century_are_of_the_long_dead(entity: str, value: str, module: object) -> None:
    for number in range(20):
        out = made(entity, value, Scope(f"caller-{number}"))
        if module.is_valid(out):  # type: ignore[attr-defined]
            assert module.get_birth_date(out).year < 1900  # type: ignore[attr-defined]
        assert shape(out) == shape(value)
    assert any(module.is_valid(made(entity, value, Scope(f"caller-{number}"))) for number in range(20))  # type: ignore[attr-defined]


@given(SCOPES)
def test_an_id_without_a_range_of_its_own_is_nobodys(scope: Scope) -> None:
    out = made("BR_CPF", "111.444.777-35", scope)
    assert shape(out) == "000.000.000-00" and not cpf.is_valid(out)
    assert shape(made("CUSTOMER_ID", "C-99812-XY", scope)) == "A-00000-AA"


@given(SCOPES, st.sampled_from(["maria@corp.example", "MG77@sub.corp.example", "m.gonzalez+tag@corp.example"]))
def test_mail_addresses_are_at_reserved_domains(scope: Scope, value: str) -> None:
    out = made("EMAIL_ADDRESS", value, scope)
    assert re.fullmatch(r"[A-Za-z0-9._-]+@(?:[a-z0-9-]+\.)*example\.(com|net|org)", out)


@given(
    SCOPES, st.sampled_from(["https://shop.corp.example:8443/orders/8812.html?user=maria&page=2", "www.corp.example/a"])
)
def test_urls_are_at_reserved_domains_and_keep_their_build(scope: Scope, value: str) -> None:
    out = made("URL", value, scope)
    host = re.search(r"(?:://)?([a-z0-9.]+)", out.removeprefix("https"))
    assert host is not None and host[1].endswith(("example.com", "example.net", "example.org"))
    tail = re.compile(r"(:8443)?/[^.?]+")
    kept, was = tail.search(out, 8), tail.search(value, 8)
    assert kept is not None and was is not None
    assert shape(kept[0]) == shape(was[0])
    if "?" in value:
        assert re.search(r"\.html\?user=[a-z]{5}&page=\d$", out)
    assert "corp" not in out and "maria" not in out


@given(SCOPES)
def test_addresses_of_machines_are_for_documentation(scope: Scope) -> None:
    four = made("IP_ADDRESS", "10.1.2.3", scope)
    networks = [ipaddress.ip_network(one) for one in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    assert any(ipaddress.ip_address(four) in network for network in networks)
    assert ipaddress.ip_address(made("IP_ADDRESS", "2001:470::1", scope)) in ipaddress.ip_network("2001:db8::/32")
    assert made("IP_ADDRESS", "10.1.2.0/24", scope).endswith("/24")
    assert made("MAC_ADDRESS", "AA:BB:CC:DD:EE:FF", scope).startswith("00:00:5E:00:53:")


@given(SCOPES)
def test_uuids_keep_version_and_variant(scope: Scope) -> None:
    out = uuid.UUID(made("RECORD_ID", "550e8400-e29b-41d4-a716-446655440000", scope))
    assert out.version == 4 and out.variant == uuid.RFC_4122


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("1985-03-05", r"\d{4}-\d\d-\d\d"), ("1985/03/05", r"\d{4}/\d\d/\d\d"), ("05/03/1985", r"\d\d/\d\d/\d{4}"),
        ("25.12.1985", r"\d\d\.\d\d\.\d{4}"), ("19850305", r"\d{8}"), ("March 5, 1985", r"[A-Z][a-z]+ \d+, \d{4}"),
        ("5th Mar 1985", r"\d+(st|nd|rd|th) [A-Z][a-z]{2} \d{4}"), ("1985年3月5日", r"\d{4}年\d+月\d+日"),
    ],
)  # fmt: skip
def test_dates_keep_their_format(value: str, pattern: str) -> None:
    for number in range(30):
        assert re.fullmatch(pattern, made("DATE_OF_BIRTH", value, Scope(f"caller-{number}")))


@given(SCOPES)
def test_other_kinds_keep_their_shape(scope: Scope) -> None:
    out = made("COORDINATES", "37.7749, -122.4194", scope)
    assert re.fullmatch(r"-[45]\d\.\d{4}, -1[123]\d\.\d{4}", out)
    assert re.fullmatch(r"sk-proj-[A-Za-z0-9]{20}", made("SECRET", "sk-proj-abcDEF1234567890ghIJ", scope))
    assert re.fullmatch(r"3\d years old", made("AGE", "34 years old", scope))
    assert re.fullmatch(r"[a-z]+\d\d", made("USERNAME", "mgonz77", scope))
    assert re.fullmatch(r"[\u4e00-\u9fff][A-Z]\d{5}", made("LICENSE_PLATE", "京A12345", scope))
    assert re.fullmatch(r"\d\d [A-Z]\w+ Street, [A-Z]\w+", made("ADDRESS", "12 Baker Street, London", scope))


@given(
    st.sampled_from(sorted(KNOWN_ENTITIES - {PLACEHOLDER})),
    st.text(max_size=30) | st.from_regex(r"[0-9A-Z @:/.-]{1,30}"),
)
def test_any_value_has_a_placeholder(entity: str, value: str) -> None:
    if value:
        made(entity, value, Scope("caller"))


def test_what_has_no_surrogate_gets_a_token() -> None:
    for entity, value in [("ORGANIZATION", "Acme"), ("PERSON", "Мария"), ("SECRET", "pw"), ("SECRET", "a\nb" * 9)]:
        assert made(entity, value, Scope("caller")).startswith(f"{entity}_")
    assert not has_surrogates("ORGANIZATION") and has_surrogates("PERSON") and has_surrogates("BR_CPF")


def test_names_are_nobodys() -> None:
    everyday = {word.lower() for word in EVERYDAY_EN}
    for fronts, ends in ((words.GIVEN_FRONTS, words.GIVEN_ENDS), (words.FAMILY_FRONTS, words.FAMILY_ENDS)):
        made_up = {(front + end).lower() for front in fronts for end in ends}
        assert len(made_up) > 3000
        assert not made_up & everyday
    pairs = {one + other for one in words.ZH_GIVEN for other in words.ZH_GIVEN}
    assert len(pairs) > 2000 and not pairs & set(EVERYDAY_ZH)
    assert len(set(words.ZH_SURNAMES)) == len(words.ZH_SURNAMES)
    assert not set(words.ZH_SURNAMES) & set("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")

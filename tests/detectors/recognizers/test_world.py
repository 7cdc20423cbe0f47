"""Identifiers of other countries and of no country: found inside sentences, without their labels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("Write to anna.k+x@mail.example.com.", "EMAIL_ADDRESS", "anna.k+x@mail.example.com"),
        ("邮箱是anna@example.com。", "EMAIL_ADDRESS", "anna@example.com"),
        ("<a href='mailto:jörg@example.org'>", "EMAIL_ADDRESS", "jörg@example.org"),
        ("From: t.brandt@web02.internal (Cron)", "EMAIL_ADDRESS", "t.brandt@web02.internal"),
        ("anna[at]example[dot]com", "EMAIL_ADDRESS", "anna[at]example[dot]com"),
        ("anna dot k at example dot com please", "EMAIL_ADDRESS", "anna dot k at example dot com"),
        ('{"to":"line\\nanna@example.com"}', "EMAIL_ADDRESS", "anna@example.com"),
        ("user=anna@example.com&x=1", "EMAIL_ADDRESS", "anna@example.com"),
        ("call +44 7700 900123 now", "PHONE_NUMBER", "+44 7700 900123"),
        ("call (415) 555-0182.", "PHONE_NUMBER", "(415) 555-0182"),
        ("ring 020 7946 0018", "PHONE_NUMBER", "020 7946 0018"),
        ("phone: 4155550182", "PHONE_NUMBER", "4155550182"),
        ("+49 30 901820", "PHONE_NUMBER", "+49 30 901820"),
        ("card 4111 1111 1111 1111 ok", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("amex 3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
        ("pay DE89 3704 0044 0532 0130 00 today", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("iban=GB82WEST12345698765432;", "IBAN_CODE", "GB82WEST12345698765432"),
        ("client 203.0.113.9:443 closed", "IP_ADDRESS", "203.0.113.9"),
        ("from 2001:db8::8a2e:370:7334", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
        ("Address = 10.66.0.14/32", "IP_ADDRESS", "10.66.0.14"),
        ("MAC 00:1A:2B:3C:4D:5E", "MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
        ("to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "CRYPTO", "0x52908400098527886E0F7030069857D2E4169EE7"),
        ("SSN 219-09-9999 on file", "US_SSN", "219-09-9999"),
        ("on file: 078-05-1120", "US_SSN", "078-05-1120"),
        ("ssn: 219099999", "US_SSN", "219099999"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
        ("NI number AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
        ("cpf 529.982.247-25", "BR_CPF", "529.982.247-25"),
        ("PAN ABCPE1234F", "IN_PAN", "ABCPE1234F"),
        ("NIR 2 69 05 49 588 157 80", "FR_NIR", "2 69 05 49 588 157 80"),
        ("AHV 756.9217.0769.85", "CH_AHV", "756.9217.0769.85"),
        ("Codice fiscale RCCMNL83S18D969H", "IT_FISCAL_CODE", "RCCMNL83S18D969H"),
        ("DNI 54362315K", "ES_NIF", "54362315K"),
        ("VIN 1M8GDM9AXKP042788", "VIN", "1M8GDM9AXKP042788"),
        ("MRN 0093402, admitted", "MEDICAL_RECORD", "0093402"),
        ("passport no. PA4471920", "UK_PASSPORT", "PA4471920"),
        ("see linkedin.com/in/anna-example-88b1", "URL", "linkedin.com/in/anna-example-88b1"),
    ],
)
def test_found(find: Find, text: str, entity: str, value: str) -> None:
    assert (entity, value) in find(text)


@pytest.mark.parametrize(
    "text",
    ["My SSN is secret", "Which IBAN, BIC and CVV do you need?", "Enter your phone number", "UK passport office"],
)
def test_a_label_alone_is_nothing(find: Find, text: str) -> None:
    assert find(text) == []

"""Which values count as structured and right."""

from __future__ import annotations

import pytest

from models.ner.measure.checksums import group


@pytest.mark.parametrize(
    ("label", "value", "wanted"),
    [
        ("EMAIL_ADDRESS", "anna@example.com", "e-mail"),
        ("SECRET", "hunter2", "credential"),
        ("CREDIT_CARD", "4712 3431 2220 0384", "card"),
        ("CREDIT_CARD", "4712 3431 2220 0385", None),
        ("BANK_ACCOUNT", "6217002733242580148", "card"),
        ("BANK_ACCOUNT", "70811936", None),
        ("IBAN_CODE", "GB32 NWBK 8744 7317 9144 20", "IBAN"),
        ("IBAN_CODE", "GB33 NWBK 8744 7317 9144 20", None),
        ("CRYPTO", "bc1qs5v0v8j70fq3pltvct4589s7dwvy9vuy7wj5mw", "wallet"),
        ("CRYPTO", "0x0922594c351afb874cd78117b93c65049effefd7", "wallet"),
        ("CRYPTO", "bc1qs5v0v8j70fq3pltvct4589s7dwvy9vuy7wj5mx", None),
        ("VIN", "LFV3A28W8C1802141", "VIN"),
        ("VIN", "LFV3A28W9C1802141", None),
        ("NATIONAL_ID", "33010620000515599X", "identity number"),
        ("NATIONAL_ID", "330106200005155998", None),
        ("NATIONAL_ID", "Y814582(0)", "identity number"),
        ("NATIONAL_ID", "Y814582(1)", None),
        ("NATIONAL_ID", "A285414332", "identity number"),
        ("NATIONAL_ID", "A285414333", None),
        ("NATIONAL_ID", "410.083.684-82", "identity number"),
        ("SOCIAL_SECURITY", "RX 48 78 14 D", "identity number"),
        ("MEDICAL_RECORD", "973 846 1200", "identity number"),
        ("HEALTH_INSURANCE", "3KW8-HN4-RY61", "identity number"),
        ("MEDICAL_RECORD", "MR-551902", None),
        ("CUSTOMER_ID", "410.083.684-82", None),
        ("PERSON", "Anna", None),
    ],
)
def test_group(label: str, value: str, wanted: str | None) -> None:
    assert group(label, value) == wanted

"""What laws make of the kinds of data that recognizers find. Tables and their look-up; pure.

Sources: 45 CFR 164.514(b)(2)(i) (the eighteen HIPAA identifiers); PIPL, article 28, with GB/T 35273-2020, annex B
(sensitive personal information); GDPR, article 4(1). A kind that no table names counts as personal: better too many.
"""

from __future__ import annotations

NOT_PERSONAL = frozenset(
    {
        "ORGANIZATION", "DATE_TIME", "ORDER_ID", "SECRET", "LOCATION", "PUBLIC_FIGURE", "BIC", "URL", "US_EIN",
        "JP_CORPORATE_NUMBER", "BR_CNPJ", "FR_SIRET", "FR_TVA", "DE_VAT_ID", "GB_VAT", "NL_VAT", "AT_UID", "CH_UID",
        "CA_BN", "FI_YTUNNUS", "SE_ORGNR", "PL_REGON", "CO_NIT", "ES_CIF", "CN_USCC",
    }
)  # fmt: skip
"""Say nothing of a natural person by themselves: these do not count as persons' identifiers."""

CARD_KINDS = ("CREDIT_CARD",)

_SENSITIVE = frozenset(
    {
        "CREDIT_CARD", "IBAN_CODE", "BANK_ACCOUNT", "US_BANK_NUMBER", "CRYPTO", "MEDICAL_RECORD", "HEALTH_INSURANCE",
        "US_MBI", "NATIONAL_ID", "SOCIAL_SECURITY", "DRIVER_LICENSE", "PASSPORT", "TAX_ID", "NRP", "BIOMETRIC",
        "GENDER_IDENTITY", "RELIGION", "US_SSN", "US_ITIN", "US_ATIN",
    }
)  # fmt: skip
_NATIONAL_NUMBER = frozenset((
    "AR", "AT", "BE", "BG", "BR", "CA", "CH", "CL", "CN", "CO", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR",
    "HK", "HR", "HU", "IE", "IL", "IN", "IS", "IT", "JP", "KR", "LT", "LV", "MO", "MX", "MY", "NL", "NO", "NZ", "PL",
    "PT", "RO", "RU", "SE", "SG", "SI", "SK", "TH", "TR", "TW", "UK", "US", "ZA",
))  # fmt: skip

HIPAA: dict[str, tuple[str, ...]] = {
    "A": ("PERSON", "USERNAME"),
    "B": ("ADDRESS", "LOCATION"),
    "C": ("DATE_TIME", "DATE_OF_BIRTH", "AGE"),
    "D": ("PHONE_NUMBER",),
    "E": (),
    "F": ("EMAIL_ADDRESS",),
    "G": ("SOCIAL_SECURITY", "US_SSN", "US_ITIN", "NATIONAL_ID"),
    "H": ("MEDICAL_RECORD",),
    "I": ("HEALTH_INSURANCE", "US_MBI"),
    "J": ("BANK_ACCOUNT", "US_BANK_NUMBER", "IBAN_CODE", "CREDIT_CARD", "ABA_ROUTING_NUMBER", "CUSTOMER_ID"),
    "K": ("DRIVER_LICENSE", "US_DRIVER_LICENSE", "PASSPORT", "US_PASSPORT"),
    "L": ("LICENSE_PLATE", "VIN"),
    "M": ("MAC_ADDRESS", "IMEI"),
    "N": ("URL",),
    "O": ("IP_ADDRESS", "PRIVATE_IP_ADDRESS"),
    "P": (),
    "Q": (),
    "R": ("EMPLOYEE_ID", "RECORD_ID", "ORDER_ID"),
}
"""The eighteen identifiers, (A) to (R), and the kinds that are such."""

EEA = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "EU", "EEA",
))  # fmt: skip
"""Where Chapter V of the GDPR sees no transfer."""


def is_personal(entity: str) -> bool:
    """Whether a value of this kind points at a natural person."""
    return entity not in NOT_PERSONAL


def is_sensitive(entity: str) -> bool:
    """Whether PIPL's article 28 covers the kind: identity, finance, health, belief."""
    country, _, rest = entity.partition("_")
    return entity in _SENSITIVE or (bool(rest) and country in _NATIONAL_NUMBER and is_personal(entity))

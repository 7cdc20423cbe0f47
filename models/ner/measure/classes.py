"""Which names mean the same: the guide's labels, our entities, other detectors' entities. Pure; imports ``labels``.

The writers of the marked prompts did not agree on the finer types of record and identity numbers, nor on whether a
mainland bank card is a card or an account, so each of those is one class. Nothing else is merged.
"""

from __future__ import annotations

import re
from typing import Final

from models.ner.labels import IGNORE

ID: Final = "ID"
CARD: Final = "CARD"
DATE: Final = "DATE_TIME"

ID_LABELS: Final = (
    *("NATIONAL_ID", "TAX_ID", "PASSPORT", "DRIVER_LICENSE", "SOCIAL_SECURITY", "LICENSE_PLATE", "VIN"),
    *("MEDICAL_RECORD", "HEALTH_INSURANCE", "EMPLOYEE_ID", "CUSTOMER_ID", "ORDER_ID"),
)
CARD_LABELS: Final = ("CREDIT_CARD", "BANK_ACCOUNT")

_OWN: Final = (
    *("PERSON", "USERNAME", "ADDRESS", "LOCATION", "ORGANIZATION", "DATE_OF_BIRTH", "AGE", "EMAIL_ADDRESS"),
    *("PHONE_NUMBER", "URL", "IP_ADDRESS", "MAC_ADDRESS", "IBAN_CODE", "CRYPTO", "SECRET"),
)
CLASSES: Final = (*_OWN, ID, CARD)
"""All classes, in the order of tables."""

NEUTRAL: Final = frozenset({"PUBLIC_FIGURE", IGNORE})
"""Marks that count neither way: a user may treat them as a person or as nothing."""

HARMLESS: Final = frozenset({"LOCATION", "ORGANIZATION", "PUBLIC_FIGURE", IGNORE})
"""A record with no other mark holds no personal data."""

NOT_IDENTIFYING: Final = HARMLESS
"""What the figure "all identifying entities" leaves out. Plain dates are not marked at all."""

GUIDE_LABELS: Final = (*_OWN, *CARD_LABELS, *ID_LABELS)
"""Labels of marked text that are measured."""

_CLASS_OF_LABEL: Final = {
    **{name: name for name in CLASSES},
    **dict.fromkeys(ID_LABELS, ID),
    **dict.fromkeys(CARD_LABELS, CARD),
}

# Entities of Presidio, spaCy and other detectors whose names differ from the guide's.
_OTHER_NAMES: Final = {
    **dict.fromkeys(("NAME", "PER", "PERSON_NAME", "FIRST_NAME", "LAST_NAME", "FULL_NAME", "USER_NAME_FULL"), "PERSON"),
    **dict.fromkeys(("GIVEN_NAME", "SURNAME", "GIVENNAME", "FAMILY_NAME", "MIDDLE_NAME", "NICKNAME"), "PERSON"),
    **dict.fromkeys(("GPE", "LOC", "FAC", "CITY", "STATE", "COUNTRY", "PLACE", "REGION", "COUNTY"), "LOCATION"),
    **dict.fromkeys(("ORG", "COMPANY", "COMPANY_NAME", "SCHOOL", "HOSPITAL", "WORKPLACE", "BANK"), "ORGANIZATION"),
    **dict.fromkeys(("STREET_ADDRESS", "STREET", "BUILDING_NUMBER", "POSTAL_ADDRESS", "UK_POSTCODE"), "ADDRESS"),
    **dict.fromkeys(("ZIP", "ZIP_CODE", "ZIPCODE", "POSTCODE", "POSTAL_CODE", "HOME_ADDRESS"), "ADDRESS"),
    **dict.fromkeys(("EMAIL",), "EMAIL_ADDRESS"),
    **dict.fromkeys(("PHONE", "TELEPHONE", "TELEPHONENUM", "FAX_NUMBER", "MOBILE", "LANDLINE"), "PHONE_NUMBER"),
    **dict.fromkeys(("IP", "IPV4", "IPV6", "PRIVATE_IP_ADDRESS", "IPADDRESS"), "IP_ADDRESS"),
    **dict.fromkeys(("MAC",), "MAC_ADDRESS"),
    **dict.fromkeys(("LINK", "WEBSITE", "SOCIAL_PROFILE"), "URL"),
    **dict.fromkeys(
        ("USER", "USER_NAME", "LOGIN", "HANDLE", "TWITTER", "SKYPE", "QQ", "WECHAT", "ACCOUNT_NAME"), "USERNAME"
    ),
    **dict.fromkeys(("DOB", "BIRTHDATE", "BIRTHDAY", "BIRTH_DATE"), "DATE_OF_BIRTH"),
    **dict.fromkeys(("CREDIT_CARD_NUMBER", "CARD_NUMBER", "CREDITCARD", "CREDITCARDNUMBER", "DEBIT_CARD"), CARD),
    **dict.fromkeys(("BANK_CARD", "BANK_ACCOUNT_NUMBER", "ACCOUNT_NUMBER", "US_BANK_NUMBER"), CARD),
    **dict.fromkeys(("ABA_ROUTING_NUMBER", "ROUTING_NUMBER", "CREDIT_DEBIT_CARD"), CARD),
    **dict.fromkeys(("IBAN",), "IBAN_CODE"),
    **dict.fromkeys(("CRYPTO_ADDRESS", "BITCOIN_ADDRESS", "CRYPTO_WALLET", "WALLET"), "CRYPTO"),
    **dict.fromkeys(("PASSWORD", "CREDENTIAL", "API_KEY", "TOKEN", "PIN", "CVV", "ACCESS_TOKEN", "JWT"), "SECRET"),
    **dict.fromkeys(("RECORD_ID", "ID_CARD", "ID_NUMBER", "MEDICAL_LICENSE", "SSN", "NATIONAL_ID_NUMBER"), ID),
    **dict.fromkeys(("TAX_NUMBER", "PASSPORT_NUMBER", "DRIVERS_LICENSE", "DRIVER_LICENSE_NUMBER", "TAXNUM"), ID),
    **dict.fromkeys(("VEHICLE", "VEHICLE_REGISTRATION", "IMEI", "NPI", "STUDENT_ID", "DRIVERLICENSENUM"), ID),
    **dict.fromkeys(("SOCIAL_SECURITY_NUMBER", "SOCIALNUM", "IDCARDNUM", "ORDER_NUMBER", "DEVICE_ID"), ID),
    **dict.fromkeys(("DATE", "TIME", "DATETIME"), DATE),
}
_COUNTRY: Final = re.compile(r"[A-Z]{2}_[A-Z_]+")
_BROAD: Final = {
    # The model's own ID holds what it was taught under that name, cards and IBANs too.
    "ID": frozenset({ID, CARD, "IBAN_CODE"}),
    DATE: frozenset({DATE, "DATE_OF_BIRTH"}),
}

ALLOWED: Final = frozenset(
    {"ORGANIZATION", "LOCATION", "NRP", "AGE", DATE, "PRIVATE_IP_ADDRESS", "PUBLIC_FIGURE", "NORP"}
)
"""What the default policy lets pass; the action of a finding that names none."""

TECHNICAL: Final = frozenset(
    {
        "code",
        "log",
        "config",
        "tool_result",
        "system_prompt",
        "data",
        "git",
        "docs",
        "stack_trace",
        "sql",
        "tool_schema",
    }
)
"""Kinds of text that agents send and in which hardly anybody is named."""


def class_of_label(label: str) -> str | None:
    """The class of a mark; None for a label that is not measured."""
    return _CLASS_OF_LABEL.get(label)


def classes_of_entity(entity: str) -> frozenset[str]:
    """Classes that a detector's entity is right for; an unknown name is a class of its own, right for nothing."""
    name = entity.upper().replace("-", "_").replace(" ", "_")
    if name in _BROAD:
        return _BROAD[name]
    known = _CLASS_OF_LABEL.get(name) or _OTHER_NAMES.get(name)
    if known is not None:
        return _BROAD[DATE] if known == DATE else frozenset({known})
    if _COUNTRY.fullmatch(name):
        return frozenset({CARD if "BANK" in name else ID})
    return frozenset({name})


def default_action(entity: str) -> str:
    """``allow`` or ``mask``, as the default policy would for this entity."""
    name = entity.upper()
    classes = classes_of_entity(name)
    return "allow" if name in ALLOWED or classes & (ALLOWED | {"NORP"}) else "mask"


def area(kind: str) -> str:
    """``technical`` or ``prose``."""
    return "technical" if kind in TECHNICAL else "prose"

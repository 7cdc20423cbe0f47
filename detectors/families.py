"""Entities by kind, for colours: what reads well on dark and on light terminals, and without telling colours apart.

Tables only. Imports nothing of ours.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Family(StrEnum):
    """Kinds of entities."""

    PEOPLE = "people"
    CONTACT = "contact"
    MONEY = "money"
    IDS = "ids"
    SECRETS = "secrets"
    OTHER = "places, other"


_MEMBERS: Final = {
    Family.PEOPLE: "PERSON USERNAME DATE_OF_BIRTH AGE NRP PUBLIC_FIGURE",
    Family.CONTACT: "EMAIL_ADDRESS PHONE_NUMBER ADDRESS URL IP_ADDRESS PRIVATE_IP_ADDRESS MAC_ADDRESS",
    Family.MONEY: "CREDIT_CARD IBAN_CODE BANK_ACCOUNT CRYPTO ABA_ROUTING_NUMBER US_BANK_NUMBER BIC",
    Family.SECRETS: "SECRET",
    Family.OTHER: "ORGANIZATION LOCATION DATE_TIME ORDER_ID",
}
_FAMILIES: Final = {entity: family for family, names in _MEMBERS.items() for entity in names.split()}


def family_of(entity: str) -> Family:
    """Its kind; what no table names is an id, most entities are."""
    return _FAMILIES.get(entity, Family.IDS)


MASKED: Final = MappingProxyType(
    {
        Family.PEOPLE: "color(16) on color(222)",
        Family.CONTACT: "color(16) on color(153)",
        Family.MONEY: "color(16) on color(157)",
        Family.IDS: "color(16) on color(183)",
        Family.SECRETS: "bold color(231) on color(160)",
        Family.OTHER: "color(16) on color(250)",
    }
)
"""Black on pastel: the same on any theme."""

ALLOWED: Final = MappingProxyType(
    {
        Family.PEOPLE: "color(172)",
        Family.CONTACT: "color(32)",
        Family.MONEY: "color(34)",
        Family.IDS: "color(134)",
        Family.SECRETS: "color(203)",
        Family.OTHER: "color(102)",
    }
)
"""Middling shades, which neither black nor white swallows."""

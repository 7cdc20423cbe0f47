"""The entity names that policy knows by heart, and what the built-in policy does with them.

Rules for this file: tables only. Policy works with any entity name, since a site may bring recognizers of its own;
this list serves to tell a typing error from such a name. Imports nothing of ours but the action words.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from addons.policy.types import Action

PLACEHOLDER: Final = "PLACEHOLDER"
"""A planted placeholder, which masking escapes by itself: no concern of policy."""

_NAMES: Final = """
    PERSON ORGANIZATION LOCATION ADDRESS NRP AGE DATE_TIME DATE_OF_BIRTH
    EMAIL_ADDRESS PHONE_NUMBER URL IP_ADDRESS MAC_ADDRESS USERNAME ID
    CREDIT_CARD IBAN_CODE CRYPTO BANK_ACCOUNT SWIFT_CODE
    MEDICAL_RECORD MEDICAL_LICENSE MEDICAL_CONDITION
    SECRET API_KEY PRIVATE_KEY JWT PASSWORD CONNECTION_STRING
    US_SSN US_BANK_NUMBER US_DRIVER_LICENSE US_ITIN US_PASSPORT US_MBI US_NPI ABA_ROUTING_NUMBER
    UK_NHS UK_NINO UK_PASSPORT UK_POSTCODE UK_VEHICLE_REGISTRATION
    ES_NIF ES_NIE ES_PASSPORT IT_FISCAL_CODE IT_DRIVER_LICENSE IT_VAT_CODE IT_PASSPORT IT_IDENTITY_CARD
    DE_TAX_ID DE_ID_CARD DE_PASSPORT DE_SOCIAL_SECURITY DE_HEALTH_INSURANCE DE_VAT_ID
    PL_PESEL FI_PERSONAL_IDENTITY_CODE SE_PERSONNUMMER SE_ORGANISATIONSNUMMER
    AU_ABN AU_ACN AU_TFN AU_MEDICARE SG_NRIC_FIN SG_UEN CA_SIN
    IN_PAN IN_AADHAAR IN_VEHICLE_REGISTRATION IN_VOTER IN_PASSPORT IN_GSTIN
    KR_RRN KR_BRN KR_FRN KR_DRIVER_LICENSE KR_PASSPORT TH_TNIN NG_NIN NG_VEHICLE_REGISTRATION TR_NATIONAL_ID
    CN_RESIDENT_ID CN_MOBILE CN_LANDLINE CN_PHONE_NUMBER CN_BANK_CARD CN_USCC CN_PASSPORT CN_TRAVEL_PERMIT
    CN_VEHICLE_PLATE CN_ADDRESS
"""

KNOWN_ENTITIES: Final = frozenset(_NAMES.split())
"""Presidio's names, the Chinese ones, credentials, and what the NER model tells."""

BUILT_IN_ACTIONS: Final[MappingProxyType[str, Action]] = MappingProxyType(
    {
        "ORGANIZATION": Action.ALLOW,
        "LOCATION": Action.ALLOW,
        "NRP": Action.ALLOW,
        "AGE": Action.ALLOW,
        "DATE_TIME": Action.ALLOW,
        "URL": Action.ALLOW,
    }
)
"""What neither identifies a person by itself nor opens a door: allowed, and recorded. All else: ``policy.default``."""

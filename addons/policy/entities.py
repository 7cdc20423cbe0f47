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
    ABA_ROUTING_NUMBER ADDRESS AGE BANK_ACCOUNT BIC COORDINATES CREDIT_CARD CRYPTO CUSTOMER_ID DATE_OF_BIRTH DATE_TIME
    DRIVER_LICENSE EMAIL_ADDRESS EMPLOYEE_ID HEALTH_INSURANCE IBAN_CODE IMEI LICENSE_PLATE LOCATION MAC_ADDRESS
    MEDICAL_LICENSE MEDICAL_RECORD NATIONAL_ID NRP ORDER_ID ORGANIZATION PASSPORT PERSON PHONE_NUMBER
    PRIVATE_IP_ADDRESS PUBLIC_FIGURE RECORD_ID
    SECRET SOCIAL_SECURITY TAX_ID URL USERNAME VIN
    AR_CUIT AT_UID AT_VNR AU_ABN AU_ACN AU_MEDICARE AU_TFN BE_NN BG_EGN BR_CNPJ BR_CPF CA_BN CA_SIN CH_AHV CH_UID
    CL_RUT CN_PASSPORT CN_RESIDENT_ID CN_TRAVEL_PERMIT CN_USCC CO_NIT CZ_RC DE_TAX_ID DE_VAT_ID DK_CPR EE_IK ES_CIF
    ES_NIE ES_NIF FI_PERSONAL_IDENTITY_CODE FI_YTUNNUS FR_NIR FR_SIRET FR_TVA GB_UTR GB_VAT GR_AFM GR_AMKA HK_ID
    HR_OIB HU_ANUM IE_PPS IL_ID IN_AADHAAR IN_EPIC IN_GSTIN IN_PAN IN_PASSPORT IN_VEHICLE_REGISTRATION IN_VOTER
    IP_ADDRESS IS_KENNITALA IT_DRIVER_LICENSE IT_FISCAL_CODE IT_IDENTITY_CARD IT_PASSPORT IT_VAT_CODE
    JP_CORPORATE_NUMBER JP_MY_NUMBER KR_BRN KR_DRIVER_LICENSE KR_FRN KR_PASSPORT KR_RRN LT_AK LV_PK MO_ID MX_CURP
    MX_RFC MY_NRIC NG_NIN NG_VEHICLE_REGISTRATION NL_BSN NL_VAT NO_FNR NZ_IRD PL_NIP PL_PESEL PL_REGON PT_CC PT_NIF
    RO_CNP SE_ORGNR SE_PNR SG_NRIC_FIN SG_UEN SI_EMSO SK_RC TH_TNIN TR_TCKN TW_ID UK_NHS UK_NINO UK_PASSPORT
    UK_POSTCODE UK_VEHICLE_REGISTRATION US_ATIN US_BANK_NUMBER US_DRIVER_LICENSE US_EIN US_ITIN US_MBI US_NPI
    US_PASSPORT US_SSN ZA_ID
"""

KNOWN_ENTITIES: Final = frozenset(_NAMES.split())
"""What the built-in recognizers and the NER model find; a test holds it against them."""

BUILT_IN_ACTIONS: Final[MappingProxyType[str, Action]] = MappingProxyType(
    {
        "ORGANIZATION": Action.ALLOW,
        "LOCATION": Action.ALLOW,
        "NRP": Action.ALLOW,
        "AGE": Action.ALLOW,
        "DATE_TIME": Action.ALLOW,
        "BIC": Action.ALLOW,
        "PRIVATE_IP_ADDRESS": Action.ALLOW,
        "PUBLIC_FIGURE": Action.ALLOW,
    }
)
"""What neither identifies a person by itself nor opens a door: allowed, and recorded. All else: ``policy.default``."""

"""Which recognizers a configuration asks for. May import all recognizers and ``config``."""

from __future__ import annotations

from presidio_analyzer import EntityRecognizer

from detectors.config import DetectorConfig
from detectors.recognizers.card import CardWithoutLuhnRecognizer, CreditCardRecognizer
from detectors.recognizers.columns import TableRecognizer
from detectors.recognizers.crypto import CryptoRecognizer
from detectors.recognizers.devices import BicRecognizer, CoordinatesRecognizer, ImeiRecognizer
from detectors.recognizers.email import EmailRecognizer
from detectors.recognizers.forms import form_recognizers
from detectors.recognizers.handles import HandleRecognizer
from detectors.recognizers.iban import IbanRecognizer
from detectors.recognizers.labelled import labelled_recognizers
from detectors.recognizers.national_ids import number_recognizers
from detectors.recognizers.ner import NerRecognizer
from detectors.recognizers.network import IpRecognizer, MacAddressRecognizer
from detectors.recognizers.phone import PhoneRecognizer
from detectors.recognizers.phone_forms import PhoneFormRecognizer
from detectors.recognizers.phone_spoken import CuedPhoneRecognizer, SpokenNumberRecognizer
from detectors.recognizers.presidio import shipped_recognizers
from detectors.recognizers.record_labels import record_recognizers
from detectors.recognizers.secrets.assignment import AssignmentRecognizer, SpokenSecretRecognizer
from detectors.recognizers.secrets.more_tokens import MoreTokenRecognizer
from detectors.recognizers.secrets.phrases import SecretPhraseRecognizer
from detectors.recognizers.secrets.tokens import TokenRecognizer
from detectors.recognizers.secrets.url import UrlCredentialRecognizer
from detectors.recognizers.site import site_recognizers
from detectors.recognizers.url import PersonalUrlRecognizer
from detectors.recognizers.vin import VinRecognizer
from detectors.recognizers.zh.address import CnAddressRecognizer
from detectors.recognizers.zh.hk_mo_tw_id import HkIdRecognizer, MoIdRecognizer, TwIdRecognizer
from detectors.recognizers.zh.keyed_name import CnKeyedNameRecognizer
from detectors.recognizers.zh.passport import CnPassportRecognizer
from detectors.recognizers.zh.phone import CnPhoneRecognizer
from detectors.recognizers.zh.plate import CnLicensePlateRecognizer
from detectors.recognizers.zh.resident_id import CnResidentIdRecognizer
from detectors.recognizers.zh.travel_permit import CnTravelPermitRecognizer
from detectors.recognizers.zh.uscc import CnUsccRecognizer


def build(config: DetectorConfig) -> list[EntityRecognizer]:
    """The recognizers in a fixed order. Those whose every entity is disabled are left out."""
    recognizers: list[EntityRecognizer] = [
        TokenRecognizer(),
        MoreTokenRecognizer(),
        UrlCredentialRecognizer(),
        AssignmentRecognizer(),
        SpokenSecretRecognizer(),
        SecretPhraseRecognizer(),
        EmailRecognizer(),
        PersonalUrlRecognizer(),
        HandleRecognizer(),
        PhoneRecognizer(config.phone_regions),
        PhoneFormRecognizer(),
        CuedPhoneRecognizer(),
        SpokenNumberRecognizer(),
        CreditCardRecognizer(),
        CardWithoutLuhnRecognizer(),
        IbanRecognizer(),
        IpRecognizer(),
        MacAddressRecognizer(),
        BicRecognizer(),
        ImeiRecognizer(),
        CoordinatesRecognizer(),
        CryptoRecognizer(),
        VinRecognizer(),
        TableRecognizer(),
        *labelled_recognizers(),
        *record_recognizers(),
        *form_recognizers(),
        *shipped_recognizers(config.countries),
        *number_recognizers(config.countries),
    ]
    if "zh" in config.languages:
        recognizers += [CnPhoneRecognizer(), CnAddressRecognizer(), CnKeyedNameRecognizer()]
        if "cn" in config.countries:
            recognizers += [
                CnResidentIdRecognizer(),
                CnUsccRecognizer(),
                CnPassportRecognizer(),
                CnTravelPermitRecognizer(),
                CnLicensePlateRecognizer(),
            ]
        if "hk" in config.countries:
            recognizers += [HkIdRecognizer(), MoIdRecognizer()]
        if "tw" in config.countries:
            recognizers.append(TwIdRecognizer())
    if config.ner.enabled:
        recognizers.append(NerRecognizer())
    recognizers += site_recognizers(config)
    disabled = set(config.disabled)
    return [recognizer for recognizer in recognizers if not set(recognizer.supported_entities) <= disabled]

# ruff: noqa: E501 - expressions and word lists are read line by line
"""Presidio's country recognizers, selectable by country, made strict.

Kept as they are: patterns, checksums, entity names. Changed: boundaries and failing closed (``strict.StrictPatterns``), context words where
Presidio's are so common (``us``, ``license``, ``save``) that code and prose trigger them, or are only English. Not taken: DATE_TIME, URL, UK postcodes,
Indian and Nigerian plates' shortest forms and medical licences without boundaries: noise in code and logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from presidio_analyzer import EntityRecognizer, PatternRecognizer, predefined_recognizers

from detectors.reading import Seed
from detectors.recognizers.strict import FLAGS_CASED, PROVEN, StrictPatterns


@dataclass(frozen=True, slots=True)
class Shipped:
    """How one of Presidio's recognizers is used."""

    country: str
    name: str
    seed: Seed = Seed.LONG
    context: Sequence[str] = ()
    """Instead of Presidio's; empty: Presidio's."""
    cased: bool = False
    """Match upper case only."""
    reject: str | None = None
    """Values that are none (``StrictPatterns.REJECT``)."""
    specimens: bool = False
    """Presidio dismisses known specimens (078-05-1120); here they are numbers, too."""
    proven: float = PROVEN
    """Pattern score from which its checksum is proof."""
    patterns: Sequence[str] = ()
    """Which of its patterns by name; empty: all."""


SHIPPED: tuple[Shipped, ...] = (
    Shipped("us", "UsSsnRecognizer", specimens=True, context=("ssn", "ssns", "social security", "social sec", "soc sec", "社会安全", "社安号", "tin", "tax id")),
    Shipped("us", "UsItinRecognizer", context=("itin", "taxpayer", "tax id", "individual taxpayer")),
    Shipped("us", "UsPassportRecognizer", context=("passport", "passport number", "护照", "travel document")),
    Shipped("us", "UsLicenseRecognizer", reject=r"[A-Z]\d{2,3}$", context=(
        "driver license", "driver's license", "drivers license", "driver’s license", "driving licence", "dl", "dln", "dl#", "oln", "driver_license", "driverlicense", "licence no", "license no",
    )),
    Shipped("us", "UsMbiRecognizer", seed=Seed.PAIR, cased=True),
    Shipped("us", "UsNpiRecognizer", context=("npi", "national provider", "provider id", "provider number")),
    Shipped("us", "UsBankRecognizer", context=(
        "account number", "acct", "bank account", "account no", "account #", "checking", "savings", "a/c", "routing", "direct deposit", "account_number",
    )),
    Shipped("us", "AbaRoutingRecognizer", context=("aba", "routing", "rtn", "transit")),
    Shipped("us", "MedicalLicenseRecognizer", cased=True, reject="[a-z]{2}", context=("dea", "dea number", "dea no", "medical license", "prescriber")),
    Shipped("uk", "NhsRecognizer", context=("nhs", "national health", "health authority", "health services authority", "chi number")),
    Shipped("uk", "UkNinoRecognizer", context=("national insurance", "ni number", "nino", "ni no", "ni"), reject="[a-z]{2} "),
    Shipped("uk", "UkPassportRecognizer", context=("passport", "护照", "travel document")),
    Shipped("uk", "UkVehicleRegistrationRecognizer", seed=Seed.PAIR, cased=True, proven=0.3, context=(
        "vehicle", "registration", "number plate", "licence plate", "license plate", "plate", "reg", "vrm", "car",
    )),
    Shipped("au", "AuAbnRecognizer"),
    Shipped("au", "AuAcnRecognizer"),
    Shipped("au", "AuMedicareRecognizer"),
    Shipped("au", "AuTfnRecognizer"),
    Shipped("in", "InAadhaarRecognizer", context=("aadhaar", "aadhar", "adhaar", "uidai", "uid")),
    Shipped("in", "InPanRecognizer", seed=Seed.PAIR, cased=True, patterns=("PAN (High)", "PAN (Medium)"), context=("pan", "permanent account")),
    Shipped("in", "InGstinRecognizer", seed=Seed.PAIR, cased=True, context=("gst", "gstin", "goods and services")),
    Shipped("in", "InPassportRecognizer"),
    Shipped("in", "InVoterRecognizer", cased=True),
    Shipped("in", "InVehicleRegistrationRecognizer", seed=Seed.PAIR, cased=True, context=("rto", "plate", "registration", "vehicle no", "reg no", "number plate")),
    Shipped("it", "ItFiscalCodeRecognizer", seed=Seed.PAIR, proven=0.3, context=("codice fiscale", "cf", "c.f.", "fiscal code", "tax code")),
    Shipped("it", "ItVatCodeRecognizer", context=("piva", "partita iva", "p.iva", "p. iva", "vat")),
    Shipped("it", "ItDriverLicenseRecognizer", context=("patente", "driving licence", "driver license", "licenza di guida")),
    Shipped("it", "ItPassportRecognizer", context=("passaporto", "passport", "viaggio")),
    Shipped("it", "ItIdentityCardRecognizer", seed=Seed.PAIR, context=("carta d'identità", "carta identità", "carta di identità", "cie", "identity card", "documento")),
    Shipped("es", "EsNifRecognizer", context=("dni", "nif", "documento nacional de identidad", "identificación")),
    Shipped("es", "EsNieRecognizer", context=("nie", "extranjero")),
    Shipped("sg", "SgFinRecognizer", context=("fin", "nric", "identity card", "ic no", "ic number", "passport", "singapore")),
    Shipped("sg", "SgUenRecognizer"),
    Shipped("pl", "PlPeselRecognizer"),
    Shipped("fi", "FiPersonalIdentityCodeRecognizer"),
    Shipped("kr", "KrRrnRecognizer"),
    Shipped("kr", "KrFrnRecognizer"),
    Shipped("kr", "KrBrnRecognizer"),
    Shipped("kr", "KrPassportRecognizer"),
    Shipped("kr", "KrDriverLicenseRecognizer"),
    Shipped("ng", "NgNinRecognizer"),
    Shipped("ng", "NgVehicleRegistrationRecognizer", seed=Seed.PAIR, cased=True),
    Shipped("th", "ThTninRecognizer"),
)  # fmt: skip


def strict(shipped: Shipped) -> EntityRecognizer:
    """Presidio's recognizer with our ``analyze``; its patterns get boundaries of their own where they have none."""
    base: type[PatternRecognizer] = getattr(predefined_recognizers, shipped.name)
    attributes: dict[str, object] = {
        "SEED": shipped.seed,
        "CLIP": True,
        "REJECT": shipped.reject,
        "PROVEN": shipped.proven,
        "__doc__": f"Presidio's {shipped.name}, strict.",
    }
    if shipped.cased:
        attributes["FLAGS"] = FLAGS_CASED
    if shipped.specimens:
        attributes["invalidate_result"] = _mixed_delimiters
    made = type(shipped.name, (StrictPatterns, base), attributes)
    patterns = [
        type(pattern)(
            pattern.name, rf"(?<![0-9A-Za-z])(?<![0-9][.\-])(?:{_inline(pattern.regex)})(?![0-9A-Za-z])", pattern.score
        )
        for pattern in base.PATTERNS  # type: ignore[attr-defined]
        if not shipped.patterns or pattern.name in shipped.patterns
    ]
    recognizer: EntityRecognizer = made(
        patterns=patterns, context=list(shipped.context) or None, supported_language="en"
    )
    return recognizer


def _mixed_delimiters(recognizer: PatternRecognizer, pattern_text: str) -> bool:
    """True for ``123-45 6789`` and for one digit repeated: those are no numbers of this kind."""
    delimiters = {char for char in pattern_text if not char.isdigit()}
    digits = {char for char in pattern_text if char.isdigit()}
    return len(delimiters) > 1 or len(digits) == 1


def _inline(expression: str) -> str:
    """The expression without global inline flags, which may only stand at its beginning."""
    return expression.replace("(?i)", "")


def shipped_recognizers(countries: Iterable[str]) -> list[EntityRecognizer]:
    """Presidio's recognizers of the chosen countries."""
    chosen = set(countries)
    return [strict(shipped) for shipped in SHIPPED if shipped.country in chosen]

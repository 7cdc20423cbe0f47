"""What the NER model tells apart, and how the guide's finer labels map onto it. Imports nothing of ours.

Record and identity numbers are one class (``ID``): writers of training text do not agree on their finer types, and
the exact type is a checksum's matter, not a model's. Telephone numbers, e-mail addresses, URLs, network addresses and
credentials are not labels of the model at all: patterns are far better at them.
"""

from __future__ import annotations

from typing import Final

LABELS: Final = (
    "PERSON",
    "ORGANIZATION",
    "LOCATION",
    "ADDRESS",
    "USERNAME",
    "DATE_OF_BIRTH",
    "AGE",
    "ID",
)

OUTSIDE: Final = "O"
TAGS: Final = (OUTSIDE, *(f"{edge}-{label}" for label in LABELS for edge in ("B", "I")))
"""BIO tags: index 0 is outside, ``1 + 2 * label`` begins an entity, ``2 + 2 * label`` continues it."""

IGNORE: Final = "IGNORE"
"""In training data: neither right nor wrong, because the sources contradict each other there."""

_ID_NUMBERS: Final = (
    "NATIONAL_ID",
    "TAX_ID",
    "PASSPORT",
    "DRIVER_LICENSE",
    "SOCIAL_SECURITY",
    "LICENSE_PLATE",
    "VIN",
    "MEDICAL_RECORD",
    "HEALTH_INSURANCE",
    "EMPLOYEE_ID",
    "CUSTOMER_ID",
    "ORDER_ID",
    "CREDIT_CARD",
    "BANK_ACCOUNT",
    "IBAN_CODE",
)

_MAPPING: Final[dict[str, str]] = {
    **{label: label for label in LABELS},
    **dict.fromkeys(_ID_NUMBERS, "ID"),
    # Open sets label every politician and composer, the prompts' writers did not: either answer is right.
    "PUBLIC_FIGURE": IGNORE,
    IGNORE: IGNORE,
}


def model_label(label: str) -> str | None:
    """The model's label for one of the annotation guide's, ``IGNORE``, or None where patterns are responsible."""
    return _MAPPING.get(label)

"""What only the organization can say (who is the controller, why, on which basis): an optional YAML file of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit.errors import AuditError

FIELDS = (
    "name", "contact", "representative", "data_protection_officer", "joint_controllers", "country", "purposes",
    "legal_basis", "data_subjects", "recipients", "safeguards", "retention", "security_measures", "processors",
    "business_associates", "impact_assessment", "standard_contract", "consent", "reviewer", "notes",
)  # fmt: skip
_MAX_TEXT = 4000


def read_organization(path: Path | None) -> Mapping[str, list[str]]:
    """Texts by field; a field may hold one text or a list. Raises AuditError for a file that is not so."""
    if path is None:
        return {}
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise AuditError("query", f"{path} cannot be read: {(reason or 'error').lower()}.") from None
    except (YAMLError, RecursionError):
        raise AuditError("query", f"{path} is not YAML.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AuditError("query", f"{path}: fields and texts are wanted, such as `name: Example Ltd`.")
    unknown = [name for name in value if name not in FIELDS]
    if unknown:
        raise AuditError("query", f"{path} has {len(unknown)} fields that are not known. Known: {', '.join(FIELDS)}.")
    return {name: _texts(path, name, given) for name, given in value.items() if given is not None}


def _texts(path: Path, name: str, given: Any) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(one, (str, int, float, dt.date)) and not isinstance(one, bool) for one in texts):
        raise AuditError("query", f"{path}: {name} is a text or a list of texts.")
    told = [str(one).strip() for one in texts]
    if any(len(one) > _MAX_TEXT for one in told):
        raise AuditError("query", f"{path}: {name} is longer than {_MAX_TEXT} characters.")
    return [one for one in told if one]

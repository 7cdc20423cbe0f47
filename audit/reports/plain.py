"""A report as JSON: the numbers for programs, and the document as it would be read. Pure."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from audit.reports.document import Document

FORMAT = "coatcheck-report/1"


def as_json(document: Document) -> str:
    """The text, ASCII only, so that nothing in it acts anywhere."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "facts": document.facts,
        "document": {
            "language": document.language,
            "title": document.title,
            "subtitle": document.subtitle,
            "made": document.made,
            "footer": document.footer,
            "sections": [
                {
                    "title": section.title,
                    "source": section.source,
                    "blocks": [{"block": type(one).__name__.lower(), **_plain(one)} for one in section.blocks],
                }
                for section in document.sections
            ],
        },
    }
    return json.dumps(told, ensure_ascii=True, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return sorted(value) if isinstance(value, frozenset) else value

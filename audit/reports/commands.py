"""``coatcheck audit report``: a month for the reader that a law or standard has. Imports nothing outside audit.

Heavy libraries are loaded by the form that needs them.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from audit.checkpoint import public_keys
from audit.command_line import DatabaseOption, TenantOption, errors_shown
from audit.database import Database, open_read_only
from audit.errors import AuditError
from audit.exports.writing import writing
from audit.ledger_commands import OutputOption, own_key
from audit.location import default_database_url
from audit.reports.period import parse_month
from audit.verification import Report


class Preset(StrEnum):
    """Whose reader it is for."""

    GDPR = "gdpr-art30"
    HIPAA = "hipaa"
    PCI = "pci"
    PIPL = "pipl"
    SOC2 = "soc2"


class Language(StrEnum):
    """Of the report's words."""

    ENGLISH = "en"
    CHINESE = "zh"


class Form(StrEnum):
    """What the report is written as."""

    HTML = "html"
    PDF = "pdf"
    JSON = "json"


def mount(app: typer.Typer) -> None:
    """Add the command to ``coatcheck audit``."""
    app.command("report")(report)


def report(
    preset: Annotated[Preset, typer.Option("--preset", help="Whose reader it is for.")],
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="In UTC.")],
    lang: Annotated[Language, typer.Option("--lang", help="English or Chinese.")] = Language.ENGLISH,
    format: Annotated[Form, typer.Option("--format", help="PDF goes into a file.")] = Form.HTML,  # noqa: A002
    output: OutputOption = None,
    tenant: TenantOption = None,
    organization: Annotated[
        Path | None, typer.Option("--organization", metavar="FILE", help="YAML with what only you can say.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Verify the whole ledger and say what came of it.")] = False,
    public_key: Annotated[
        list[str] | None, typer.Option("--public-key", metavar="KEY", help="The ledger's, for --verify.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Write a month's report: volumes, recipients, kinds of data, distinct identifiers, failures, changes, proof."""
    with errors_shown():
        period = parse_month(month)
        if format is Form.PDF and output is None:
            raise AuditError("query", "A PDF goes into a file: -o FILE.")
        from audit.reports.facts import gather
        from audit.reports.organization import read_organization
        from audit.reports.presets import document_of
        from audit.reports.sections import Writing

        said = read_organization(organization)
        opened = open_read_only(database or default_database_url())
        now = dt.datetime.now(dt.UTC)
        verdict = _verified(opened, public_key or ()) if verify else None
        writing_with = Writing(str(lang), gather(opened, period, tenant or (), now), said, verdict)
        document = document_of(preset, writing_with)
        if format is Form.PDF:
            from audit.reports.pdf import pdf

            content = pdf(document)
        elif format is Form.HTML:
            from audit.reports.html import page

            content = page(document).encode()
        else:
            from audit.reports.plain import as_json

            content = as_json(document).encode()
        _deliver(content, output)


def _deliver(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(content.decode())
        return
    with writing(output) as scratch:
        scratch.write_bytes(content)


def _verified(database: Database, keys: Sequence[str]) -> Report:
    from audit.verify import verify_database

    return verify_database(database, public_keys(keys) or own_key())

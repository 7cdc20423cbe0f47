"""What the gateway's commands share: how they speak on stderr, read the configuration, and keep libraries quiet.

stdout is left alone: under ``coatcheck run`` it belongs to the command. Cheap to import: no part of the gateway.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from addons.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from audit.records import Decision

stderr = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="coatcheck.yaml. Default: $COATCHECK_CONFIG, ./coatcheck.yaml, or built-in."),
]

_COLOURS = {"allow": "green", "mask": "yellow", "reroute": "cyan", "block": "red"}


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on stderr and leave."""
    stderr.print(Text.assemble(("coatcheck: ", "bold red"), message))
    raise typer.Exit(code)


def warn(message: str) -> None:
    """Say on stderr what is probably not meant, and go on."""
    stderr.print(Text.assemble(("warning: ", "yellow"), message))


def settings_from(config: Path | None, overrides: dict[str, Any]) -> Settings:
    """Load the settings, or say what is wrong with them and leave with 2."""
    try:
        settings = load_settings(config, overrides=overrides)
    except SettingsError as e:
        fail(e.render(), 2)
    for warning in settings.warnings:
        warn(warning)
    return settings


class _NameOnly(logging.Handler):
    """Errors of libraries, without their words: those may quote the traffic."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "coatcheck":
            style = "red" if record.levelno >= logging.ERROR else "yellow"
            stderr.print(Text.assemble((f"{record.levelname.lower()}: ", style), record.getMessage()))
        elif record.levelno >= logging.ERROR:
            kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "error"
            stderr.print(
                Text(f"error: {record.name}: {kind} (details are withheld: they may quote traffic)", style="red")
            )


def quiet_logs() -> None:
    """Let through our own warnings and the bare fact of other errors."""
    root = logging.getLogger()
    root.handlers[:] = [_NameOnly()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def print_decision(decision: Decision) -> None:
    """One line for one request: what was done and why; kinds and counts, never values."""
    found: Counter[str] = Counter()
    for finding in decision.findings:
        if finding.action != "allow":
            found[finding.entity] += finding.count
    parts = [f"{entity} {count}" if count > 1 else entity for entity, count in found.most_common(6)]
    what = ", ".join(parts) or decision.reason
    would = f" (observe: would {decision.would_action})" if decision.would_action not in (None, decision.action) else ""
    route = f" -> {decision.route}" if decision.action == "reroute" else ""
    stderr.print(
        Text.assemble(
            (f"{decision.time:%H:%M:%S} ", "dim"),
            (f"{decision.action:<8}", _COLOURS.get(decision.action, "")),
            f"{decision.endpoint:<20} {decision.model or '-':<24} ",
            f"{what}{route}{would} ",
            (f"{decision.total_ms:.0f} ms", "dim"),
        )
    )

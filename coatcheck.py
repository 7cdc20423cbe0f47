"""The front door: one Typer app that mounts each room's own commands.

A room is imported when one of its commands runs, so that ``coatcheck --help`` and ``coatcheck run`` answer at once.
The line that ``--help`` shows for each is therefore kept here too, and a test holds it to the room's own.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

COMMANDS = {
    "up": ("addons.cli:up", "Run the gateway in the foreground."),
    "run": ("addons.run_command:run", "Run a command whose LLM traffic goes through the gateway."),
    "detect": ("addons.detect_command:detect", "Find sensitive text, and say what the policy does with it."),
    "audit": ("audit.cli:app", "What went where, who sent it, which rule let it."),
    "retention": (
        "addons.retention_command:retention",
        "Remove audit records that are older than the configuration keeps them.",
    ),
    "vault": ("addons.vault.cli:app", "What the vault holds of stored conversations; new keys for it; forgetting."),
    "models": ("models.cli:app", "Train, export, quantize, measure and list the models that find personal data."),
    "llm": ("models.llm_cli:app", "The embedded open model (SmolLM2-135M-Instruct on llama.cpp)."),
}
"""Where each command lies, and its first line of help."""


class RoomCommand(TyperCommand):
    """A command, or a group of them, that is imported when it is called."""

    def __init__(self, name: str, where: str, summary: str) -> None:
        super().__init__(name, help=summary, add_help_option=False)
        self.where = where

    def load(self) -> Any:
        """The room's own command."""
        module, _, attribute = self.where.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False)  # below: the options after `run CMD` are CMD's own
        alone.command(self.name, context_settings={"allow_interspersed_args": self.name != "run"})(found)
        return get_command(alone)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The loaded command's context: from here on this object is out of the way."""
        return self.load().make_context(info_name, args, parent=parent, **extra)


class FrontDoor(TyperGroup):
    """The rooms' commands, in the order of ``COMMANDS``."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (where, summary) in COMMANDS.items():
            self.add_command(RoomCommand(name, where, summary))


app = typer.Typer(
    name="coatcheck",
    cls=FrontDoor,
    help="A privacy gateway for LLM traffic: personal data stays in, placeholders go out, the answer comes back whole.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coatcheck {importlib.metadata.version('coatcheck')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Entry point of the ``coatcheck`` console script."""
    app()


if __name__ == "__main__":
    main()

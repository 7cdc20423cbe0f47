"""The front door: one Typer app that mounts each room's own commands.

Rooms are imported when one of their commands runs, so that ``coatcheck --help`` answers at once.
"""

from __future__ import annotations

import importlib.metadata

import typer
from detectors.cli import detect
from models.cli import app as models_app

from addons.cli import run, up
from audit.cli import app as audit_app
from models.llm_cli import app as llm_app

app = typer.Typer(
    name="coatcheck",
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


app.command("up")(up)
app.command("run", context_settings={"ignore_unknown_options": True})(run)
app.command("detect")(detect)
app.add_typer(audit_app, name="audit")
app.add_typer(models_app, name="models")
app.add_typer(llm_app, name="llm")


def main() -> None:
    """Entry point of the ``coatcheck`` console script."""
    app()


if __name__ == "__main__":
    main()

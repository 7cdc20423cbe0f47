"""Errors of ``coatcheck models`` as one line. Imports ``errors`` and typer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer

from models.errors import ModelError


@contextmanager
def plainly() -> Generator[None]:
    """Errors on stderr and exit code 1; a missing package names the extra that brings it."""
    try:
        yield
    except ModelError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        typer.echo(
            f"error: {error.name} is not installed: install coatcheck[train] (requirements/train.lock)", err=True
        )
        raise typer.Exit(1) from None

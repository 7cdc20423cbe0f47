"""A bar on the terminal for steps that take long; nothing where stderr is no terminal. Imports rich."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def unadvised() -> Generator[None]:
    """Without the warnings of onnxruntime, optimum and torch, which advise what does not apply here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def shown[T](items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """The same items, while a bar on stderr says how many of ``total`` have been taken."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total)

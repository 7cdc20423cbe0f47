"""A bar on the terminal for steps that take long; nothing where stderr is no terminal. Imports rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def shown[T](items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """The same items, while a bar on stderr says how many of ``total`` have been taken."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total)

"""Packages as if they were not installed."""

from __future__ import annotations

import builtins
from typing import Any

import pytest


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Importing ``package``, or what is in it, fails from now on."""
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith(package):
            raise ImportError
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)

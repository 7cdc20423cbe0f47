"""The example in docs/placeholders.md is run as it stands."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_example_runs() -> None:
    page = Path(__file__).parents[3] / "docs" / "placeholders.md"
    results = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert results.attempted > 5
    assert results.failed == 0

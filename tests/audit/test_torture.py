"""A few rounds of `tests.audit.torture`; the whole of it is a command of its own."""

from __future__ import annotations

from pathlib import Path

from tests.audit.torture import torture


def test_nothing_acknowledged_is_lost_though_the_database_comes_and_goes(tmp_path: Path, url: str) -> None:
    one = torture(url, tmp_path / "state", 6, 48)
    assert one.acknowledged
    assert one.in_journal > 0  # else the journal was not tried
    assert one.covered > 0

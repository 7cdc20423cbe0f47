"""The state directory: variables first, then XDG, then the home directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.database import open_database
from audit.location import default_database_url, state_dir


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COATCHECK_STATE_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_home_is_the_default(tmp_path: Path) -> None:
    assert state_dir() == tmp_path / ".local" / "state" / "coatcheck"
    assert default_database_url() == f"sqlite:///{tmp_path}/.local/state/coatcheck/audit.db"
    assert not state_dir().exists()


def test_xdg_comes_before_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert state_dir() == Path("/srv/state/coatcheck")


def test_a_relative_xdg_directory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert state_dir() == tmp_path / ".local" / "state" / "coatcheck"


def test_our_own_variable_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    monkeypatch.setenv("COATCHECK_STATE_DIR", "~/audit here")
    assert state_dir() == tmp_path / "audit here"


def test_the_url_means_the_path_whatever_its_characters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    directory = tmp_path / "50% of #1? 审计"
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(directory))
    assert open_database(default_database_url()).path == directory / "audit.db"
    assert (directory / "audit.db").exists()

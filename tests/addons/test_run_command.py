"""Which gateway ``coatcheck run`` believes is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addons import run_command
from addons.run_command import gateway_up
from addons.settings import Settings

UP = {
    "ready": True,
    "reverse": [],
    "listen": ["0.0.0.0:8080"],
    "ca": "/state/ca/coatcheck-ca.pem",
    "policy": Settings().policy_hash,
}


def settings(**more: Any) -> Settings:
    return Settings(state_dir=Path("/state"), **more)


def test_the_one_that_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_command, "_health", lambda host, port: UP)
    assert gateway_up(settings()) == ("127.0.0.1", 8080)
    monkeypatch.setattr(run_command, "_health", lambda host, port: {**UP, "listen": ["::1:9000"]})
    assert gateway_up(settings()) == ("::1", 9000)


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        "ready",
        {},
        {**UP, "ready": False},
        {**UP, "ready": "yes"},
        {**UP, "reverse": ["https://api.openai.com"]},
        {**UP, "ca": "/elsewhere/ca/coatcheck-ca.pem"},
        {**UP, "policy": "another"},
        {**UP, "listen": []},
        {**UP, "listen": ["nonsense"]},
    ],
)
def test_not_one_that_is_absent_not_ready_of_another_kind_or_another_site(
    monkeypatch: pytest.MonkeyPatch, state: Any
) -> None:
    monkeypatch.setattr(run_command, "_health", lambda host, port: state)
    assert gateway_up(settings()) is None


def test_not_one_that_would_ask_for_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_command, "_health", lambda host, port: UP)
    assert gateway_up(settings(access={"proxy_auth": "/etc/htpasswd"})) is None
    assert gateway_up(settings(access={"client_ca": "/etc/clients.pem"})) is None

"""``coatcheck audit token | reads | serve``: made, listed, ended; refused beyond loopback; light to load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audit.cli import app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("COATCHECK_DATABASE", raising=False)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_a_token_s_life(run: object) -> None:
    def ask(*arguments: str) -> Result:
        return run(*arguments)  # type: ignore[operator,no-any-return]

    made = ask("token", "create", "王小明", "--role", "admin", "--days", "7")
    assert made.exit_code == 0 and made.stdout.startswith("cct_") and "not shown again" in made.stderr
    (listed,) = [json.loads(line) for line in ask("token", "list", "--json").stdout.splitlines()]
    assert (listed["name"], listed["role"], listed["state"]) == ("王小明", "admin", "holds")
    assert made.stdout.strip() not in ask("token", "list").stdout
    assert ask("token", "revoke", listed["id"]).exit_code == 0
    assert "revoked" in ask("token", "list").stdout
    assert ask("token", "revoke", "nothing").exit_code == 1
    assert ask("token", "create", "a b").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--host", "192.0.2.1"], "--tls-cert"),
        (["--host", "example.com"], "IP address"),
        (["--tls-cert", "a.pem"], "together"),
        (["--host-name", "a.example.com:1"], "name alone"),
        ([], "no audit database"),
        (["--public-key", "nothing"], "public key"),
    ],
)
def test_serving_says_what_it_needs(run: object, arguments: list[str], words: str) -> None:
    result = run("serve", *arguments)  # type: ignore[operator]
    assert result.exit_code == 2 and words in result.stderr and "Traceback" not in result.output


def test_commands_load_no_server() -> None:
    program = "import sys, audit.cli; print(sorted({'fastapi', 'jinja2', 'uvicorn', 'authlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

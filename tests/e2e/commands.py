"""Commands that tests run behind a gateway, as a user would: ``coatcheck run -- CMD``, and programs of the machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.e2e.harness import ROOT, GatewayProcess, clean_environment


def installed(program: str) -> str:
    """Where a program of the machine lies.

    Other languages' runtimes are no package that ``make setup`` could install: a test that needs one that is not there
    says so in its reason and is not run. This is the only place of the tests that may do that.
    """
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not on PATH: install it to run this test")
    return path


def run_line(gateway: GatewayProcess, *command: str) -> list[str]:
    """``coatcheck run`` with the gateway's own configuration."""
    return [sys.executable, "-m", "coatcheck", "run", "--config", str(gateway.config), "--", *command]


def environment(gateway: GatewayProcess, **more: str) -> dict[str, str]:
    """The environment in which ``coatcheck run`` finds this gateway, whose port the system chose."""
    return clean_environment(COATCHECK__ADMIN_LISTEN=gateway.admin.removeprefix("http://"), **more)


def through(
    gateway: GatewayProcess, command: Sequence[str], *, given: str | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command through a gateway that is up, to its end."""
    return subprocess.run(
        run_line(gateway, *command),
        cwd=ROOT,
        env=environment(gateway, **more),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

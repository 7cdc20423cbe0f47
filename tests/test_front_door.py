"""The front door's own copy of each command's summary is that of the room, and opening it is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coatcheck import COMMANDS, RoomCommand

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_rooms_own(name: str) -> None:
    where, summary = COMMANDS[name]
    command = RoomCommand(name, where, summary).load()
    assert (command.short_help or command.help).splitlines()[0] == summary


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_neither_the_help_nor_run_imports_what_takes_seconds(arguments: list[str]) -> None:
    program = (
        "import sys, coatcheck\n"
        f"try: coatcheck.app({arguments})\n"
        "except SystemExit: print(sorted({'mitmproxy', 'presidio_analyzer', 'spacy', 'sqlalchemy', 'onnxruntime'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wrong_command_is_named_with_a_near_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coatcheck", "audti"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "audti" in done.stderr and "audit" in done.stderr

"""What no committed file may hold: a machine's paths, a registry's address, an open end, too many lines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 450
LARGEST = 50 * 1024 * 1024

# Written so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![A-Za-z0-9_.])/(?:ro{2}t|w[o]rk)/")
REGISTRY = re.compile(
    r"://[^\s/]*(?:pypi\.[a-z]|pythonhosted|npmjs|yarnpkg|proxy\.golang|crates\.io|artifactory|nexus|devpi)",
    re.IGNORECASE,
)
OPEN_END = re.compile(
    r"\b(?:T[O]DO|F[I]XME|X{3})\b|NotImplemented[E]rror|pytest\.s[k]ip(?:\.Exception)?\(|mark\.(?:s[k]ip|x[f]ail)|time\.s[l]eep\("
)
MAY_LEAVE_OUT = "tests/e2e/commands.py"
"""Leaves out, with its reason, what needs another language's runtime that is not on the machine."""
LOCKS_WITH_ADDRESSES = re.compile(r"(?:^|/)(?:uv\.lock|pylock\..*toml|poetry\.lock|Pipfile\.lock)$")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert ROOT / "pyproject.toml" in files
    return [file for file in files if file.is_file()]


@pytest.fixture(scope="module")
def texts(tracked: list[Path]) -> dict[str, str]:
    found = {}
    for file in tracked:
        data = file.read_bytes()
        if b"\0" not in data[:8192]:
            found[str(file.relative_to(ROOT))] = data.decode("utf-8", "replace")
    return found


def hits(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """Where a pattern stands, as ``file:line``; the line itself is not shown."""
    return [
        f"{name}:{text.count('\n', 0, match.start()) + 1}"
        for name, text in texts.items()
        for match in pattern.finditer(text)
    ]


def test_no_paths_of_a_machine(texts: dict[str, str]) -> None:
    assert (
        hits(MACHINE_PATH, {name: text for name, text in texts.items() if not name.startswith("tests/corpus/")}) == []
    )


def test_no_address_of_a_registry(texts: dict[str, str]) -> None:
    assert hits(REGISTRY, texts) == []
    assert [name for name in texts if LOCKS_WITH_ADDRESSES.search(name)] == []


def test_pinned_requirements_hold_hashes_and_no_address(texts: dict[str, str]) -> None:
    lock = texts["requirements/lock.txt"]
    assert "://" not in lock
    pinned = re.findall(r"^[A-Za-z0-9][^\s]*==", lock, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"^[A-Za-z0-9][^\n]*==[^\n]* \\\n +--hash=sha256:", lock, re.MULTILINE)) == len(pinned)


def test_no_open_ends(texts: dict[str, str]) -> None:
    python = {name: text for name, text in texts.items() if name.endswith(".py") and name != MAY_LEAVE_OUT}
    assert hits(OPEN_END, python) == []


def test_files_stay_short_enough_to_read(texts: dict[str, str]) -> None:
    lengths = {name: text.count("\n") for name, text in texts.items() if name.endswith(".py")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_large_files(tracked: list[Path]) -> None:
    assert [file.name for file in tracked if file.stat().st_size > LARGEST] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, 'open("' + "/ro" + 'ot/x")'),
        (MACHINE_PATH, "cd " + "/wo" + "rk/main"),
        (REGISTRY, "https:/" + "/files.python" + "hosted.org/packages/x"),
        (REGISTRY, "https:/" + "/registry.npm" + "js.org/openai"),
        (OPEN_END, "# TO" + "DO later"),
        (OPEN_END, "raise NotImplemented" + "Error"),
        (OPEN_END, "time.sle" + "ep(1)"),
    ],
)
def test_the_patterns_see_what_they_look_for(pattern: re.Pattern[str], text: str) -> None:
    assert hits(pattern, {"file": "\n" + text}) == ["file:2"]


@pytest.mark.parametrize("text", ["tests/work/x", "framework/", "a/root.py", "https://example.com/nexus"])
def test_the_patterns_see_nothing_else(text: str) -> None:
    assert [hits(pattern, {"file": text}) for pattern in (MACHINE_PATH, REGISTRY, OPEN_END)] == [[], [], []]

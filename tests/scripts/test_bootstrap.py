"""``scripts/bootstrap.sh`` on machines of all kinds: which Python it takes, what it says, when it makes ``.venv`` anew.

The interpreters are small shell scripts on a PATH that holds nothing else; pip is one too, and only writes down what it
is asked. The real set-up, with real packages, is what runs these tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "date", "dirname", "grep", "rm", "mkdir", "cp", "chmod", "ln")
GOOD = f'exec "{sys.executable}" "$@"'
REFUSES = 'echo "pyenv: python3.13: command not found" >&2; exit 127'
TOO_OLD = "echo '3.11.7 is too old'; exit 1"

FAKE_PIP = """
root=$(cd "$(dirname "$0")/../.." && pwd -P)
[ "$1" = -m ] || exec "{python}" "$@"
echo "$*" >>"$root/pip.log"
case "$*" in
*"-r "*) [ ! -e "$root/pip-fails" ] || exit 1 ;;
*"-e ."*) : >"$root/.venv/bin/coatcheck"; chmod +x "$root/.venv/bin/coatcheck" ;;
esac
"""

FAKE_VENV = """
case "$*" in
"-m venv .venv")
    echo made >>venv.log
    mkdir -p .venv/bin
    cp "{pip}" .venv/bin/python
    echo "#!$(pwd -P)/.venv/bin/python" >.venv/bin/pip
    exit 0 ;;
esac
exec "{python}" "$@"
"""


class Machine:
    """A checkout with the script, and a PATH with coreutils and whatever is installed on it."""

    def __init__(self, directory: Path) -> None:
        self.checkout = directory / "checkout"
        self.bin = directory / "bin"
        self.home = directory / "home"
        for place in (self.checkout / "scripts", self.checkout / "requirements", self.bin, self.home):
            place.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "bootstrap.sh", self.checkout / "scripts")
        self.lock = self.checkout / "requirements" / "lock.txt"
        self.lock.write_text("example==1.0 \\\n    --hash=sha256:00\n")
        (self.checkout / "pyproject.toml").write_text("[project]\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)

    def install(self, name: str, script: str) -> Path:
        """Put a command on PATH, or, if ``name`` is a path, below the home directory."""
        where = (self.home if "/" in name else self.bin) / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(f"#!/bin/sh\n{script}\n")
        where.chmod(0o755)
        return where

    def install_python(self) -> None:
        """A Python whose virtual environments have the pretended pip."""
        pip = self.install("pip/fake", FAKE_PIP.format(python=sys.executable))
        self.install("python3.13", FAKE_VENV.format(python=sys.executable, pip=pip))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / "sh", self.checkout / "scripts" / "bootstrap.sh", *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.home), **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self, name: str) -> list[str]:
        path = self.checkout / f"{name}.log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestFindsAPython:
    def test_one_that_runs_is_taken_over_a_shim_that_refuses_and_one_too_old(self, machine: Machine) -> None:
        machine.install("python3.13", REFUSES)
        good = machine.install("python3.12", GOOD)
        machine.install("python3", TOO_OLD)
        done = machine.run("--find-python")
        assert (done.stdout.strip(), done.returncode) == (str(good), 0)

    @pytest.mark.parametrize("root", [".pyenv", "elsewhere"])
    def test_pyenvs_versions_where_no_shim_works(self, machine: Machine, root: str) -> None:
        machine.install("python3.13", REFUSES)
        machine.install("python3", TOO_OLD)
        machine.install(f"{root}/versions/3.13.0/bin/python", REFUSES)
        good = machine.install(f"{root}/versions/3.13.9/bin/python", GOOD)
        named = {} if root == ".pyenv" else {"PYENV_ROOT": str(machine.home / root)}
        assert machine.run("--find-python", **named).stdout.strip() == str(good)

    def test_uvs_python(self, machine: Machine) -> None:
        good = machine.install("uv-pythons/bin/python3.13", GOOD)
        machine.install("uv", f'[ "$1 $2" = "python find" ] && echo "{good}"')
        assert machine.run("--find-python").stdout.strip() == str(good)

    def test_the_one_that_is_named(self, machine: Machine) -> None:
        machine.install("python3.13", GOOD)
        mine = machine.install("opt/python", GOOD)
        assert machine.run("--find-python", COATCHECK_PYTHON=str(mine)).stdout.strip() == str(mine)

    def test_the_one_that_is_named_and_will_not_do(self, machine: Machine) -> None:
        machine.install("python3.13", GOOD)
        mine = machine.install("opt/python", TOO_OLD)
        done = machine.run("--find-python", COATCHECK_PYTHON=str(mine))
        assert done.returncode == 1
        assert "3.11.7 is too old" in done.stderr

    def test_none_at_all(self, machine: Machine) -> None:
        done = machine.run()
        assert (done.returncode, done.stdout) == (1, "")
        assert "found no Python" in done.stderr
        assert "python3.13-venv" in done.stderr
        assert not (machine.checkout / ".venv").exists()

    def test_why_each_was_refused(self, machine: Machine) -> None:
        machine.install("python3.13", REFUSES)
        machine.install("python3", TOO_OLD)
        done = machine.run("--find-python")
        assert done.returncode == 1
        assert "python3.13: does not run" in done.stderr
        assert "python3: 3.11.7 is too old" in done.stderr

    def test_one_without_venv(self, machine: Machine, tmp_path: Path) -> None:
        (tmp_path / "shadow").mkdir()
        (tmp_path / "shadow" / "ensurepip.py").write_text("raise ImportError\n")
        machine.install("python3.13", f'PYTHONPATH="{tmp_path}/shadow" {GOOD}')
        done = machine.run("--find-python")
        assert done.returncode == 1
        assert "lacks its module ensurepip" in done.stderr
        assert "-venv" in done.stderr


class TestMakesTheEnvironment:
    @pytest.fixture
    def ready(self, machine: Machine) -> Machine:
        machine.install_python()
        done = machine.run()
        assert done.returncode == 0, done.stderr
        return machine

    def test_with_hashes_without_dependencies_then_the_project(self, ready: Machine) -> None:
        packages, project = ready.log("pip")
        assert "--no-deps --require-hashes -r requirements/lock.txt" in packages
        assert "--no-deps --no-build-isolation -e ." in project
        assert ready.log("venv") == ["made"]

    def test_a_second_run_does_nothing(self, ready: Machine) -> None:
        done = ready.run()
        assert done.stdout == "setup: .venv is up to date\n"
        assert (len(ready.log("pip")), len(ready.log("venv"))) == (2, 1)

    def test_a_second_run_with_the_same_python_named_does_nothing(self, ready: Machine) -> None:
        done = ready.run(COATCHECK_PYTHON=str(ready.bin / "python3.13"))
        assert done.stdout == "setup: .venv is up to date\n"

    @pytest.mark.parametrize("changed", ["requirements/lock.txt", "pyproject.toml"])
    def test_changed_requirements_are_installed_into_it(self, ready: Machine, changed: str) -> None:
        with (ready.checkout / changed).open("a") as file:
            file.write("# changed\n")
        assert ready.run().returncode == 0
        assert (len(ready.log("pip")) > 2, len(ready.log("venv"))) == (True, 1)
        assert ready.run().stdout == "setup: .venv is up to date\n"

    @pytest.mark.parametrize("lost", ["bin/python", "bin/pip", "bin/coatcheck"])
    def test_a_broken_one_is_repaired(self, ready: Machine, lost: str) -> None:
        (ready.checkout / ".venv" / lost).unlink()
        if lost == "bin/pip":
            (ready.checkout / ".venv" / ".made-from").unlink()
        assert ready.run().returncode == 0
        assert (ready.checkout / ".venv" / lost).exists()
        assert ready.run().stdout == "setup: .venv is up to date\n"

    def test_one_whose_interpreter_is_gone_is_made_anew(self, ready: Machine) -> None:
        python = ready.checkout / ".venv" / "bin" / "python"
        python.unlink()
        python.symlink_to(ready.home / "uninstalled")
        assert ready.run().returncode == 0
        assert ready.log("venv") == ["made", "made"]

    def test_one_that_was_moved_is_made_anew(self, ready: Machine) -> None:
        ready.checkout = ready.checkout.rename(ready.checkout.with_name("moved"))
        assert ready.run().returncode == 0
        assert ready.log("venv") == ["made", "made"]

    def test_after_a_failure_it_says_what_to_do_and_the_next_run_starts_clean(self, machine: Machine) -> None:
        machine.install_python()
        (machine.checkout / "pip-fails").touch()
        failed = machine.run()
        assert failed.returncode == 1
        assert "make again" in failed.stderr
        (machine.checkout / "pip-fails").unlink()
        assert machine.run().returncode == 0
        assert machine.log("venv") == ["made", "made"]

    def test_an_unknown_argument(self, machine: Machine) -> None:
        done = machine.run("--fnid-python")
        assert done.returncode == 1
        assert "--find-python" in done.stderr


def test_make_without_a_target_lists_the_commands() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"demo", "test", "setup", "lock", "clean"} <= {line.split()[1] for line in done.stdout.splitlines()}


def test_continuous_integration_runs_what_developers_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text()

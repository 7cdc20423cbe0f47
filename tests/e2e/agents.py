"""Whole agents through the gateway: ``python -m tests.e2e.agents [claude] [codex] [--packages DIR]``.

Claude Code and Codex, unchanged, from npm, each against a scripted provider (``tests/doubles/agent_script.py``): by
``coatcheck run --`` they read a file with personal data, call a tool with an address out of it and write the file back.
Passed is what left nothing planted at the provider and everything unharmed on disk. Not part of ``make test``: the
packages are some 200 and 400 MB. They are put into DIR once (default: a cache folder of the user's), then reused.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.agent_script import ScriptedProvider, Task
from tests.e2e.commands import environment, run_line
from tests.e2e.harness import ROOT, GatewayProcess
from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, PLANTED

TEXT = f"{ENGLISH}\n{CHINESE}\n"
ASKED = "Read customers.txt, note the address with your shell, and copy the file to report.txt."
LIMIT_S = 120
REQUESTS = 4
"""One for each step, and the last word."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: its package, and how it is asked something without a terminal."""

    package: str
    program: str
    """Glob of the program below ``node_modules``."""
    arguments: Sequence[str]
    variables: Callable[[Path], dict[str, str]]
    """For a home directory of its own."""


AGENTS = {
    "claude": Agent(
        "@anthropic-ai/claude-code@2.1.197",
        "@anthropic-ai/claude-code-*/claude",
        ["-p", ASKED, "--allowedTools", "Read", "Write", "Bash"],
        lambda home: {
            "ANTHROPIC_API_KEY": "sk-ant-test-1",
            "CLAUDE_CONFIG_DIR": str(home / "claude"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    ),
    "codex": Agent(
        "@openai/codex@0.169.0",
        ".bin/codex",
        ["exec", "--skip-git-repo-check", "--ephemeral", "--dangerously-bypass-approvals-and-sandbox", ASKED],
        lambda home: {"CODEX_API_KEY": "sk-test-1", "CODEX_HOME": str(home / "codex")},
    ),
}


def install(agent: Agent, packages: Path) -> Path:
    """The agent's program, installed if it is not there. Raises RuntimeError where npm cannot."""
    folder = packages / agent.package.rpartition("/")[2]
    found = next(iter(sorted((folder / "node_modules").glob(agent.program))), None)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", agent.package]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        found = next(iter(sorted((folder / "node_modules").glob(agent.program))), None)
        if done.returncode != 0 or found is None:
            raise RuntimeError(f"npm could not install {agent.package}:\n{done.stderr}")
    return found


def near(provider: ScriptedProvider) -> dict[str, Any]:
    """Settings that lead to the double by a name, which the CA must know then: BoringSSL knows no constraints on
    addresses."""
    to = {"resolve_to": f"localhost:{provider.port}", "ca_file": str(provider.ca)}
    named = {"provider": "generic", "hosts": ["localhost"]}
    return {"upstreams": {"openai": to, "anthropic": to, "near": named}}


def run(agent: Agent, program: Path, scratch: Path) -> tuple[list[str], str]:
    """Send the agent through its task; answers what is wrong (nothing, if all is well) and how it went."""
    task, home = Task(scratch / "work"), scratch / "home"
    for folder in (task.directory, home / "claude", home / "codex"):
        folder.mkdir(parents=True)
    task.given.write_text(TEXT, encoding="utf-8")
    begun = time.monotonic()
    with ScriptedProvider(task) as provider, GatewayProcess(scratch / "gateway", None, near(provider)) as gateway:
        ready = time.monotonic()
        said, status = scratch / "said.txt", None
        with said.open("w", encoding="utf-8") as out:  # a file: what an agent leaves running may hold a pipe open
            process = subprocess.Popen(
                run_line(gateway, str(program), *agent.arguments),
                cwd=task.directory,
                env={**environment(gateway, **agent.variables(home)), "HOME": str(home), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
                process.wait()
        ended = time.monotonic()
        wrong = [f"{value!r} reached the provider" for value in leaked(provider.requests, PLANTED)]
        decisions = gateway.decisions()
    written = task.written.read_text(encoding="utf-8") if task.written.exists() else None
    mailed = task.mailed.read_text(encoding="utf-8") if task.mailed.exists() else None
    heard = said.read_text(encoding="utf-8")
    checks = {
        f"exit status {status} (none: it took over {LIMIT_S} s): {heard[-2000:]}": status == 0,
        f"the provider saw {provider.steps} of 3 steps": provider.steps == REQUESTS - 1,
        "the provider did not read the file as placeholders": "EMAIL_ADDRESS_" in provider.read,
        "the tool was not called with the address": mailed == EMAIL,
        "the file did not come back as it was": written is not None and written.strip() == TEXT.strip(),
        "the last word was not restored": ENGLISH in heard and CHINESE in heard,
    }
    wrong += [what for what, holds in checks.items() if not holds]
    spent = f"{ended - ready:.1f} s, and {ready - begun:.1f} s to start the gateway"
    told = f"{len(provider.requests)} requests, {len(decisions)} decisions, {spent}"
    return wrong, told


def main() -> int:
    """Run what is asked for; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.agents", description="Whole agents through the gateway.")
    parser.add_argument("agents", nargs="*", choices=[*AGENTS, []], help=f"default: {' '.join(AGENTS)}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coatcheck" / "agents"
    parser.add_argument("--packages", type=Path, default=cache, help="where the packages lie")
    options = parser.parse_args()
    failed = False
    for name in options.agents or AGENTS:
        agent = AGENTS[name]
        with tempfile.TemporaryDirectory(prefix="coatcheck-agent-") as scratch:
            wrong, told = run(agent, install(agent, options.packages), Path(scratch))
        print(f"{agent.package}: {'FAILED' if wrong else 'passed'}, {told}")
        print("".join(f"  {one}\n" for one in wrong), end="")
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""The main job, shown: unmodified SDK programs, the gateway, a provider that quotes, an open model, the audit record.

``make demo`` runs this. Exits with 1 if a planted value reached the provider or an answer came back wrong.
"""

from __future__ import annotations

import json
import re
import runpy
import socket
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from models.llm import MODEL_NAME, LocalLlm
from tests.doubles.http1 import Request
from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess, cli

PROGRAMS = Path(__file__).parent / "programs"
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z0-9_]*_[0-9A-HJKMNP-TV-Z]{8}\b")

console = Console(highlight=False)


@dataclass
class Scene:
    """One program, and what must come of it."""

    program: str
    title: str
    action: str
    check: Callable[[str, list[str]], str | None]
    """Given the program's output and the planted values: what is wrong, or None."""
    reaches_provider: bool = True
    problems: list[str] = field(default_factory=list)


def holds_all(output: str, planted: list[str]) -> str | None:
    lost = [value for value in planted if value not in output]
    return f"{len(lost)} of {len(planted)} planted values did not come back" if lost else None


def answered(output: str, planted: list[str]) -> str | None:
    return None if len(output.strip()) > 10 else "the open model's answer is empty"


def refused(output: str, planted: list[str]) -> str | None:
    if "PermissionDeniedError" not in output:
        return "the SDK did not raise its own PermissionDeniedError"
    return "the refusal quotes the data" if any(value in output for value in planted) else None


SCENES = [
    Scene("english", "masked: English, OpenAI SDK", "mask", holds_all),
    Scene("chinese", "masked: Chinese, Anthropic SDK, streamed", "mask", holds_all),
    Scene("tool", "masked: a streamed tool call, OpenAI SDK", "mask", holds_all),
    Scene("reroute", "rerouted: health data stays in the house, Anthropic SDK", "reroute", answered, False),
    Scene("blocked", "blocked: credentials, OpenAI SDK", "block", refused, False),
]


def policy(llm_url: str) -> dict[str, object]:
    return {
        "onprem": {"local": {"url": llm_url, "model": MODEL_NAME}},
        "policy": {
            "rules": [
                {
                    "name": "health data stays in the house",
                    "when": {"entities": ["UK_NHS", "MEDICAL_RECORD"]},
                    "action": "reroute",
                    "to": "local",
                },
                {"name": "no credentials", "when": {"entities": ["SECRET"]}, "action": "block"},
            ]
        },
    }


def free_port() -> int:
    """A port for the admin listener, by which `coatcheck run` finds the gateway that is up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    console.print(Rule("[bold]Coatcheck: the main job[/bold]"))
    console.print(
        "Starting a provider double (TLS, OpenAI and Anthropic wire formats), an open model and the gateway ..."
    )
    with tempfile.TemporaryDirectory(prefix="coatcheck-demo-") as scratch, Provider() as provider, LocalLlm() as llm:
        changes = {**policy(llm.url), "admin_listen": f"127.0.0.1:{free_port()}"}
        with GatewayProcess(Path(scratch), provider, changes) as gateway:
            for line in gateway.lines:
                console.print(Text(line.rstrip(), style="dim"))
            for scene in SCENES:
                play(scene, gateway, provider)
            console.print(Rule("[bold]What the auditor sees[/bold]"))
            listed = cli("audit", "list", "--database", f"sqlite:///{gateway.database}", COLUMNS=str(console.width))
            console.print(Text(listed.stdout.rstrip()))
            first = gateway.audit()[-1]["id"]
            console.print(Rule(f"[bold]coatcheck audit show {first}[/bold]"))
            shown = cli(
                "audit", "show", first, "--database", f"sqlite:///{gateway.database}", COLUMNS=str(console.width)
            )
            console.print(Text(shown.stdout.rstrip()))
    return verdict()


def play(scene: Scene, gateway: GatewayProcess, provider: Provider) -> None:
    path = PROGRAMS / f"{scene.program}.py"
    told = runpy.run_path(str(path))
    prompt, planted = told["PROMPT"], told["PLANTED"]
    provider.requests.clear()
    # As a user would: the program does not know of the gateway; `coatcheck run` sets proxy and certificate variables.
    keys = {"OPENAI_API_KEY": "sk-demo-not-a-key", "ANTHROPIC_API_KEY": "sk-ant-demo-not-a-key"}
    done = cli("run", "--config", str(gateway.config), "--", sys.executable, str(path), **keys)
    output = done.stdout.strip()
    received = list(provider.requests)
    if done.returncode:
        scene.problems.append(f"the program failed: {done.stderr.strip().splitlines()[-1:]}")
    elif wrong := scene.check(output, planted):
        scene.problems.append(wrong)
    if bool(received) is not scene.reaches_provider:
        scene.problems.append(f"the provider received {len(received)} requests")
    leaked = [value for value in planted if any(value in everything(request) for request in received)]
    if leaked:
        scene.problems.append(f"{len(leaked)} planted values reached the provider")
    records = gateway.audit("--limit", "1")
    record = records[0] if records else {}
    if record.get("action") != scene.action:
        scene.problems.append(f"the audit record says {record.get('action')!r}, expected {scene.action!r}")
    show(scene, prompt, planted, received, output, record)


def everything(request: Request) -> str:
    """All that the provider could read: bytes as they are, JSON unescaped, URL decoded, headers."""
    raw = request.body.decode("utf-8", "replace")
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    plain = unicodedata.normalize("NFKC", json.dumps(json.loads(raw), ensure_ascii=False)) if raw else ""
    return "\n".join([raw, plain, unquote(request.target), unquote(headers)])


def show(
    scene: Scene,
    prompt: str,
    planted: list[str],
    received: list[Request],
    output: str,
    record: dict[str, Any],
) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", min_width=19)
    grid.add_column(overflow="fold")
    grid.add_row("application sent", marked(prompt, planted, "green"))
    if received:
        for request in received:
            grid.add_row("provider received", holders(said_to(request)))
    else:
        grid.add_row("provider received", Text("nothing", style="bold cyan"))
    grid.add_row("application got", marked(output, planted, "green"))
    if record:
        grid.add_row("audit record", summary(record))
    parts: list[RenderableType] = [grid]
    parts += [Text(f"\n✗ {problem}", style="bold red") for problem in scene.problems]
    colour = "red" if scene.problems else {"mask": "yellow", "reroute": "cyan", "block": "magenta"}[scene.action]
    console.print(Panel(Group(*parts), title=Text(scene.title, style="bold"), border_style=colour, padding=(1, 2)))


def summary(record: dict[str, Any]) -> Text:
    """The record in three lines; ``coatcheck audit show`` has all of it."""
    found = Counter[str]()
    for finding in record["findings"]:
        found[f"{finding['entity']} {finding['action']}"] += finding["count"]
    outcome = record.get("outcome") or {}
    route = f", sent to {record['route']}" if record["route"] else ", nothing went out"
    return Text.assemble(
        (record["action"], "bold"),
        f" by {record['rule']!r} ({record['reason']}){route}\n",
        "found: " + ", ".join(f"{what} ({count})" for what, count in found.items()) + "\n",
        f"status {outcome.get('status')}, {record['placeholders']} placeholders sent, "
        f"{outcome.get('placeholders_restored', 0)} restored; {record['total_ms']:.0f} ms to decide\n",
        (record["id"], "dim"),
    )


def said_to(request: Request) -> str:
    """The user's text, as the provider reads it."""
    content = json.loads(request.body)["messages"][-1]["content"]
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def marked(text: str, values: list[str], style: str) -> Text:
    shown = Text(text)
    for value in values:
        shown.highlight_regex(re.escape(value), style)
    return shown


def holders(text: str) -> Text:
    shown = Text(text)
    shown.highlight_regex(PLACEHOLDER, "bold yellow")
    return shown


def verdict() -> int:
    failed = [scene for scene in SCENES if scene.problems]
    if failed:
        for scene in failed:
            console.print(Text(f"✗ {scene.program}: {'; '.join(scene.problems)}", style="bold red"))
        return 1
    console.print(
        Text(
            "✓ no planted value reached the provider, every answer came back right, every decision is recorded.",
            style="bold green",
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``coatcheck up`` and ``coatcheck run``: the gateway in the foreground, and a command through it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy import make_url

from addons.ca import authority_at
from addons.environment import proxy_environment
from addons.settings import Settings, SettingsError, load_settings
from audit.records import Decision

if TYPE_CHECKING:  # the gateway's parts take seconds to import; `coatcheck run` beside a gateway needs none of them
    from addons.launch import Running

stderr = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="coatcheck.yaml. Default: $COATCHECK_CONFIG, ./coatcheck.yaml, or built-in."),
]
ListenOption = Annotated[str | None, typer.Option("--listen", help="HOST:PORT of the proxy; port 0 takes a free one.")]

_COLOURS = {"allow": "green", "mask": "yellow", "reroute": "cyan", "block": "red"}


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on stderr and leave."""
    stderr.print(Text.assemble(("coatcheck: ", "bold red"), message))
    raise typer.Exit(code)


def settings_from(config: Path | None, overrides: dict[str, Any]) -> Settings:
    """Load the settings, or say what is wrong with them and leave with 2."""
    try:
        settings = load_settings(config, overrides=overrides)
    except SettingsError as e:
        fail(e.render(), 2)
    for warning in settings.warnings:
        stderr.print(Text.assemble(("warning: ", "yellow"), warning))
    return settings


def up(
    config: ConfigOption = None,
    listen: ListenOption = None,
    reverse: Annotated[
        list[str] | None,
        typer.Option(
            "--reverse", help="Be a base-URL gateway in front of URL, instead of a forward proxy. Repeatable."
        ),
    ] = None,
    admin_listen: Annotated[
        str | None, typer.Option("--admin-listen", help="HOST:PORT of /healthz and /metrics.")
    ] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="Change nothing; record what would have been done.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print a line for each request.")] = False,
) -> None:
    """Run the gateway in the foreground.

    An explicit forward proxy (point HTTPS_PROXY at it, or use `coatcheck run`), or with --reverse a gateway that SDKs
    reach by their base URL. Prints `ready` when it is. SIGTERM and Ctrl-C let requests under way finish.
    """
    overrides: dict[str, Any] = {}
    if listen:
        overrides["listen"] = listen
    if admin_listen:
        overrides["admin_listen"] = admin_listen
    if observe:
        overrides["policy"] = {"mode": "observe"}
    settings = settings_from(config, overrides)
    urls = _reverse_urls(reverse or [])
    _quiet_logs()
    from addons import launch

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop_or_quit, stop)
        await launch.run(
            settings, stop, _print_running, reverse=urls, announce=(lambda _: None) if quiet else print_decision
        )

    try:
        asyncio.run(main())
    except launch.LaunchError as e:
        fail(str(e))
    stderr.print("[dim]stopped[/dim]")


def _stop_or_quit(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(130)  # asked twice: do not wait for what is under way
    stderr.print("[dim]draining: requests under way may finish; once more to stop at once[/dim]")
    stop.set()


def _reverse_urls(given: Sequence[str]) -> list[str]:
    from addons import proxy

    urls = []
    for i, text in enumerate(given, 1):
        try:
            urls.append(proxy.reverse_url(text))
        except ValueError as e:
            fail(f"--reverse, URL number {i}: {e}", 2)
    return urls


class _NameOnly(logging.Handler):
    """Errors of libraries, without their words: those may quote the traffic."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "coatcheck":
            style = "red" if record.levelno >= logging.ERROR else "yellow"
            stderr.print(Text.assemble((f"{record.levelname.lower()}: ", style), record.getMessage()))
        elif record.levelno >= logging.ERROR:
            kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "error"
            stderr.print(
                Text(f"error: {record.name}: {kind} (details are withheld: they may quote traffic)", style="red")
            )


def _quiet_logs() -> None:
    root = logging.getLogger()
    root.handlers[:] = [_NameOnly()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _print_running(running: Running) -> None:
    settings = running.settings
    hosts = list(settings.hosts)
    rows: list[tuple[str, str]] = []
    for at in running.listeners:
        if at.upstream:
            rows.append(("base URL", f"http://{at.host}:{at.port}  ->  {at.upstream}"))
        else:
            rows.append(("proxy", f"http://{at.host}:{at.port}"))
    if not any(at.upstream for at in running.listeners):
        rows.append(("intercepts", ", ".join(hosts)))
    source = str(settings.source) if settings.source else "built-in defaults"
    rows += [
        ("policy", f"{settings.policy.mode}, {running.policy_hash[:12]} ({source})"),
        ("detector", running.detector_version),
        ("database", make_url(settings.database_url).render_as_string(hide_password=True)),
        (
            "CA",
            str(running.authority.certificate)
            + (" (new: limited to the hosts above)" if running.authority.renewed else ""),
        ),
        ("admin", f"http://{running.admin[0]}:{running.admin[1]}/healthz and /metrics"),
    ]
    for name, value in rows:
        stderr.print(Text.assemble((f"  {name:<11}", "bold"), value))
    for name, target in settings.onprem.items():
        stderr.print(Text.assemble((f"  {'reroute':<11}", "bold"), f"{name}  ->  {target.url}"))
    stderr.print(Text("ready", style="bold green"))
    sys.stderr.flush()


def print_decision(decision: Decision) -> None:
    """One line for one request: what was done and why; kinds and counts, never values."""
    found: Counter[str] = Counter()
    for finding in decision.findings:
        if finding.action != "allow":
            found[finding.entity] += finding.count
    parts = [f"{entity} {count}" if count > 1 else entity for entity, count in found.most_common(6)]
    what = ", ".join(parts) or decision.reason
    would = f" (observe: would {decision.would_action})" if decision.would_action not in (None, decision.action) else ""
    route = f" -> {decision.route}" if decision.action == "reroute" else ""
    stderr.print(
        Text.assemble(
            (f"{decision.time:%H:%M:%S} ", "dim"),
            (f"{decision.action:<8}", _COLOURS.get(decision.action, "")),
            f"{decision.endpoint:<20} {decision.model or '-':<24} ",
            f"{what}{route}{would} ",
            (f"{decision.total_ms:.0f} ms", "dim"),
        )
    )


def run(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.", metavar="CMD...")],
    config: ConfigOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print a line for each request.")] = False,
) -> None:
    """Run a command whose LLM traffic goes through the gateway.

    Uses the gateway that is up (`coatcheck up`), or starts one for the command's life. Sets the proxy and certificate
    variables that Python, Node, Go, Ruby, curl, git and the JVM honour. Exit status and signals are the command's.
    """
    settings = settings_from(config, {})
    _quiet_logs()
    existing = _gateway_up(settings)
    if existing is not None:
        host, port = existing
        _exec(command, proxy_environment(host, port, authority_at(settings.state_path), os.environ))
    from addons import launch

    try:
        status = asyncio.run(_run_with_gateway(settings, command, print_decision if verbose else lambda _: None))
    except launch.LaunchError as e:
        fail(str(e))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    raise typer.Exit(status)


def _gateway_up(settings: Settings) -> tuple[str, int] | None:
    """Where this configuration's gateway listens, if it is up, ready, and has the same CA."""
    host, port = settings.admin_address
    shown = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://{shown}:{port}/healthz", timeout=2
        ) as answer:
            state = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    try:
        if not state["ready"] or state["reverse"] or state["ca"] != str(authority_at(settings.state_path).certificate):
            return None
        at, _, number = state["listen"][0].rpartition(":")
        return at.strip("[]"), int(number)
    except (KeyError, IndexError, ValueError, TypeError):
        return None


def _exec(command: Sequence[str], added: dict[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], list(command), {**os.environ, **added})  # noqa: S606 - running the user's command is the point
    except OSError as e:
        _cannot_run(command[0], e)


def _cannot_run(program: str, error: OSError) -> NoReturn:
    fail(f"cannot run {program}: {error.strerror}.", 127 if isinstance(error, FileNotFoundError) else 126)


async def _run_with_gateway(settings: Settings, command: Sequence[str], announce: Callable[[Decision], None]) -> int:
    """Start a gateway on free ports, run the command, stop the gateway. Answers as ``subprocess`` does."""
    from addons import launch

    private = settings.model_copy(update={"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0"})
    stop = asyncio.Event()
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    gateway = asyncio.create_task(launch.run(private, stop, ready.set_result, announce=announce))
    try:
        waiting: list[asyncio.Future[Any]] = [gateway, ready]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await gateway  # raises what went wrong
        running = ready.result()
        at = running.listeners[0]
        environment = proxy_environment(at.host, at.port, running.authority, os.environ)
        try:
            child = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
        except OSError as e:
            _cannot_run(command[0], e)
        with _forwarding_signals(child):
            return await child.wait()
    finally:
        stop.set()
        ready.cancel()
        with contextlib.suppress(launch.LaunchError):
            await gateway


@contextlib.contextmanager
def _forwarding_signals(child: asyncio.subprocess.Process) -> Any:
    """What is sent to us is meant for the command. Ctrl-C reaches it by itself (same process group)."""
    loop = asyncio.get_running_loop()

    def pass_on(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        loop.add_signal_handler(number, pass_on, number)
    loop.add_signal_handler(signal.SIGINT, lambda: None if sys.stdin.isatty() else pass_on(signal.SIGINT))
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            loop.remove_signal_handler(number)

"""``coatcheck up``: the gateway in the foreground."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from addons.terminal import ConfigOption, fail, print_decision, quiet_logs, settings_from, stderr

if TYPE_CHECKING:  # the gateway's parts take seconds to import; a wrong command line should not wait for them
    from addons.launch import Running

ListenOption = Annotated[str | None, typer.Option("--listen", help="HOST:PORT of the proxy; port 0 takes a free one.")]


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
    quiet_logs()
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


def _print_running(running: Running) -> None:
    from sqlalchemy import make_url

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
            str(running.authority.certificate) + (" (new)" if running.authority.renewed else ""),
        ),
        ("admin", f"http://{running.admin[0]}:{running.admin[1]}/healthz and /metrics"),
    ]
    for name, value in rows:
        stderr.print(Text.assemble((f"  {name:<11}", "bold"), value))
    for name, target in settings.onprem.items():
        stderr.print(Text.assemble((f"  {'reroute':<11}", "bold"), f"{name}  ->  {target.url}"))
    stderr.print(Text("ready", style="bold green"))
    sys.stderr.flush()

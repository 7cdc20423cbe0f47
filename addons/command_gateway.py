"""A gateway of one command's own: started on free loopback ports before it, stopped after it.

Imports the whole gateway; ``run_command`` imports this only when no gateway is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from addons import launch
from addons.launch import Running
from addons.settings import Settings
from addons.settings_sections import Access
from audit.records import Decision

CannotStart = launch.LaunchError

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)


def run(
    settings: Settings,
    command: Sequence[str],
    environment: Callable[[str, int], Mapping[str, str]],
    announce: Callable[[Decision], None],
) -> int:
    """Run the command behind a gateway; answers its exit status, or minus the number of the signal that ended it.

    ``environment`` gives the command's variables for the proxy's address. Raises CannotStart for the gateway and
    OSError for the command.
    """
    private = settings.model_copy(
        update={"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "access": Access()}  # ours alone: no sign-in
    )
    return asyncio.run(_run(private, command, environment, announce))


async def _run(
    settings: Settings,
    command: Sequence[str],
    environment: Callable[[str, int], Mapping[str, str]],
    announce: Callable[[Decision], None],
) -> int:
    stop = asyncio.Event()
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    interrupted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    gateway = asyncio.create_task(launch.run(settings, stop, _into(ready), announce=announce))
    child: asyncio.subprocess.Process | None = None

    def heed(number: int) -> None:
        if child is None:  # there is no command yet that it could be for: ends us
            _into(interrupted)(number)
        else:
            _pass_on(child, number)

    try:
        with _heeding_signals(heed):
            waiting: list[asyncio.Future[Any]] = [gateway, ready, interrupted]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if interrupted.done():
                return -interrupted.result()
            if not ready.done():
                await gateway  # raises what went wrong
            at = ready.result().listeners[0]
            child = await asyncio.create_subprocess_exec(*command, env=environment(at.host, at.port))
            if interrupted.done():
                _pass_on(child, interrupted.result())
            return await child.wait()
    finally:
        stop.set()
        ready.cancel()
        interrupted.cancel()
        with contextlib.suppress(CannotStart):
            await gateway


def _into[T](future: asyncio.Future[T]) -> Callable[[T], None]:
    """Sets the future's result, if it still waits for one."""
    return lambda value: None if future.done() else future.set_result(value)


@contextlib.contextmanager
def _heeding_signals(heed: Callable[[int], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _PASSED_ON:
        loop.add_signal_handler(number, heed, int(number))
    try:
        yield
    finally:
        for number in _PASSED_ON:
            loop.remove_signal_handler(number)


def _pass_on(child: asyncio.subprocess.Process, number: int) -> None:
    """What is sent to us is meant for the command."""
    if number in _FROM_KEYBOARD and _holds_terminal():
        return  # typed: the terminal has sent it to the whole process group, the command too
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(number)


def _holds_terminal() -> bool:
    """Is our process group the one that the controlling terminal's keys reach?"""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

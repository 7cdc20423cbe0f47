"""``coatcheck run -- CMD``: any command, with its LLM traffic through the gateway.

With a gateway that is up this process becomes the command (``exec``), so pid, signals, status, stdin and stdout are
the command's own. Without one, ``command_gateway`` starts one. Imports nothing of the gateway before that is known:
beside a gateway, the command should start at once.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer

from addons.client_trust import TrustError, trust_for
from addons.environment import LOOPBACK_NAMES, loopback_for, proxy_environment, without_gateway_hosts
from addons.settings import Settings
from addons.terminal import ConfigOption, fail, print_decision, quiet_logs, settings_from, stderr, warn

_ANSWER_LIMIT_S = 2.0
"""How long a gateway may take to say that it is up."""


def run(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.", metavar="CMD...")],
    config: ConfigOption = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say which gateway is used; print a line for each request.")
    ] = False,
) -> None:
    """Run a command whose LLM traffic goes through the gateway.

    Uses the gateway that is up (`coatcheck up`), or starts one for the command's life. Sets the proxy and certificate
    variables that Python, Node, Go, Ruby, curl, git and the JVM honour. Exit status and signals are the command's.
    """
    settings = settings_from(config, {})
    existing = gateway_up(settings)
    if existing is not None:
        if verbose:
            stderr.print(f"[dim]through the gateway at {existing[0]}:{existing[1]}[/dim]", markup=True)
        _become(command, {**os.environ, **variables_for(settings, *existing, os.environ)})
    if not os.path.dirname(command[0]) and shutil.which(command[0]) is None:  # noqa: PTH120 - a word, not yet a path
        _cannot_run(command[0], FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if verbose or stderr.is_terminal:
        stderr.print(f"[dim]no gateway is up at {settings.admin_listen}: starting one for this command[/dim]")
    quiet_logs()
    from addons import command_gateway

    try:
        status = command_gateway.run(
            settings,
            command,
            lambda host, port: {**os.environ, **variables_for(settings, host, port, os.environ)},
            print_decision if verbose else lambda _: None,
        )
    except command_gateway.CannotStart as e:
        fail(str(e))
    except OSError as e:
        _cannot_run(command[0], e)
    if status < 0:
        _die_by(-status)
    raise typer.Exit(status)


def variables_for(settings: Settings, host: str, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """What to add to ``inherited`` for a command behind the gateway at this address; warns of what had to give way."""
    from addons.ca import authority_at

    authority = authority_at(settings.state_path)
    try:
        trust = trust_for(authority, inherited)
    except TrustError as e:
        fail(str(e))
    kept, dropped = without_gateway_hosts(inherited, settings.hosts)
    for entry in dropped:
        warn(f"NO_PROXY holds {entry}, which would lead past the gateway; the command does not get that entry.")
    return {
        **trust,
        **proxy_environment(host, port, authority.trust_store, inherited, no_proxy=[*kept, *LOOPBACK_NAMES]),
    }


def gateway_up(settings: Settings) -> tuple[str, int] | None:
    """Where this configuration's gateway listens, if it is up, ready, open to us, with our CA and our policy."""
    if settings.access.proxy_auth or settings.access.client_ca:
        return None  # it would ask for credentials that we do not have
    state = _health(*settings.admin_address)
    certificate = str(settings.state_path / "ca" / "coatcheck-ca.pem")
    try:
        ours = state["ca"] == certificate and state["policy"] == settings.policy_hash
        if state["ready"] is not True or state["reverse"] or not ours:
            return None
        host, _, port = state["listen"][0].rpartition(":")
        return loopback_for(host.strip("[]")), int(port)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return None


def _health(host: str, port: int) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_LIMIT_S)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read(65536))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606 - running the user's command is the point
    except OSError as e:
        _cannot_run(command[0], e)


def _cannot_run(program: str, error: OSError) -> NoReturn:
    """Leave as a shell would: 127 if there is no such program, 126 if it cannot be run."""
    fail(f"cannot run {program}: {error.strerror}.", 127 if isinstance(error, FileNotFoundError) else 126)


def _die_by(number: int) -> NoReturn:
    """End by the signal that ended the command, so that a shell sees the same."""
    if number not in (signal.SIGKILL, signal.SIGSTOP):  # those have no handler that could be reset
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)

"""Runs the auditors' server with uvicorn, in the foreground."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import typer
import uvicorn

from audit.errors import AuditError
from audit.note import PublicKey
from audit.web.app import LOOPBACK, create_app, open_desk
from audit.web.oidc_issuer import Issuer
from audit.web.oidc_settings import load_oidc_settings
from audit.web.tokens import TOKEN_FILE


def run(
    url: str,
    state: Path,
    *,
    host: str,
    port: int,
    names: Sequence[str],
    tls: tuple[Path, Path] | None,
    public_key: PublicKey | None,
    reads_url: str | None,
    oidc: Path | None,
    time_limit_s: float,
) -> None:
    """Serve until a signal. Raises AuditError."""
    issuer = None
    if oidc is not None:
        settings = load_oidc_settings(oidc)
        issuer = Issuer(settings, settings.secret())
    desk = open_desk(
        url, state, reads_url=reads_url, public_key=public_key, issuer=issuer, tls=tls is not None,
        time_limit_s=time_limit_s,
    )  # fmt: skip
    if issuer is None and not desk.tokens.tokens():
        typer.echo(f"Nobody can sign in yet ({TOKEN_FILE}): coatcheck audit token create NAME", err=True)
    hosts = {*LOOPBACK, *names, f"[{host}]" if ":" in host else host}
    config = uvicorn.Config(
        create_app(desk, hosts),
        log_level="warning",
        access_log=False,  # an address may hold what was asked for; `reads` has what may be kept
        server_header=False,
        proxy_headers=False,
        ssl_certfile=None if tls is None else str(tls[0]),
        ssl_keyfile=None if tls is None else str(tls[1]),
    )
    try:
        config.load()
    except OSError as error:
        raise AuditError(
            "unopenable", f"The TLS files cannot be used: {(error.strerror or 'not PEM').lower()}."
        ) from None
    listener = _listen(host, port)
    place = f"[{host}]" if ":" in host else host
    scheme = "http" if tls is None else "https"
    typer.echo(f"Auditors' page: {scheme}://{place}:{listener.getsockname()[1]}/ (Ctrl-C ends it)", err=True)
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
    except OSError as error:
        raise AuditError(
            "unopenable",
            f"Port {port} of {host} cannot be had ({(error.strerror or 'error').lower()}): choose another with --port.",
        ) from None

"""The environment variables that send a program's LLM traffic through the gateway.

Pure: settings in, a mapping out. Those that make it trust the gateway's CA are ``client_trust``'s. Which program reads
which variable is in ``docs/run.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from addons.ca import TRUST_STORE_PASSWORD

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
"""What never goes through the proxy."""


def loopback_for(host: str) -> str:
    """Where a program on this machine reaches a listener bound to ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not bound, read


def without_gateway_hosts(inherited: Mapping[str, str], hosts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The entries of an inherited ``NO_PROXY`` that may stay, and those that would lead ``hosts`` past the gateway.

    Programs disagree on how an entry matches (``example.com`` alone, or all below it?); what covers a host for any of
    them counts as covering it.
    """
    given = ",".join(inherited.get(name, "") for name in ("NO_PROXY", "no_proxy"))
    entries = dict.fromkeys(entry for part in given.split(",") if (entry := part.strip()))
    dropped = [entry for entry in entries if any(_covers(entry, host) for host in hosts)]
    return [entry for entry in entries if entry not in dropped], dropped


def _covers(entry: str, host: str) -> bool:
    name, colon, port = entry.lower().rpartition(":")
    name = (name if colon and port.isdigit() else entry.lower()).removeprefix("*").strip(".")
    bare = host.removeprefix("*.")
    return not name or bare == name or bare.endswith(f".{name}") or (bare != host and name.endswith(f".{bare}"))


def proxy_environment(
    host: str, port: int, trust_store: Path, inherited: Mapping[str, str], *, no_proxy: Sequence[str] = LOOPBACK_NAMES
) -> dict[str, str]:
    """Variables to add to ``inherited`` for one child process.

    Python (requests, httpx, aiohttp with trust_env, botocore, grpc), Node (>= 22.21 or 24 for ``fetch``), Go, Ruby,
    curl, git and the JVM each look at some of them. ``JAVA_TOOL_OPTIONS`` is kept and added to.
    """
    shown = f"[{host}]" if ":" in host else host
    proxy = f"http://{shown}:{port}"
    bypassed = ",".join(dict.fromkeys(no_proxy))
    java = [
        f"-Dhttps.proxyHost={host} -Dhttps.proxyPort={port} -Dhttp.proxyHost={host} -Dhttp.proxyPort={port}",
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1]",
        _quoted(f"-Djavax.net.ssl.trustStore={trust_store}"),
        f"-Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}",
    ]
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "NO_PROXY": bypassed,
        "no_proxy": bypassed,
        "grpc_proxy": proxy,
        "NODE_USE_ENV_PROXY": "1",
        "JAVA_TOOL_OPTIONS": " ".join(filter(None, (inherited.get("JAVA_TOOL_OPTIONS"), *java))),
    }


def _quoted(option: str) -> str:
    """For ``JAVA_TOOL_OPTIONS``, which the JVM splits at white space outside quotes."""
    return f'"{option}"' if any(c.isspace() for c in option) else option

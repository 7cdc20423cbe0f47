"""mitmproxy, set up as the gateway needs it: options and master. Every setting that matters for safety is here.

Knows mitmproxy; knows nothing of policy or detection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mitmproxy import options
from mitmproxy.proxy import mode_specs
from mitmproxy.tools.dump import DumpMaster

from addons import http_stream


@dataclass(frozen=True, slots=True)
class Listener:
    """One proxy listener: an explicit forward proxy, or (``upstream`` given) a base-URL gateway in front of a URL."""

    host: str
    port: int
    upstream: str | None = None

    @property
    def mode(self) -> str:
        """As mitmproxy spells it."""
        if self.upstream is None:
            return f"regular@{self.host}:{self.port}"
        # "https" here would make mitmproxy listen for QUIC as well; the gateway's hook sets the scheme instead
        host, port = destination_of(self.upstream)
        shown = f"[{host}]" if ":" in host else host
        return f"reverse:http://{shown}:{port}@{self.host}:{self.port}"


def reverse_url(text: str) -> str:
    """A ``--reverse`` URL, checked: ``http(s)://host[:port]``. Raises ValueError without quoting it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no valid URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("should be a URL such as https://api.openai.com or http://127.0.0.1:8082")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("should hold scheme, host and port only; the client's own path is kept")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def destination_of(url: str) -> tuple[str, int]:
    """Host and port of a checked URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def options_for(
    listeners: Sequence[Listener],
    hosts: Sequence[str],
    *,
    addresses: Sequence[tuple[str, int]] = (),
    confdir: Path,
    upstream_roots: Path | None,
    htpasswd: Path | None,
    upstream_timeout_s: float,
    client_certificates: bool,
) -> dict[str, Any]:
    """All mitmproxy options that differ from its defaults.

    ``addresses``: where ``resolve_to`` leads. mitmproxy knows a connection by them, and by its name only where TLS or
    HTTP tells: without them, a client that sends no server name would pass unread.
    """
    reverse_targets = [destination_of(listener.upstream) for listener in listeners if listener.upstream]
    allowed = [_host_pattern(host) for host in hosts]
    allowed += [rf"^{re.escape(host)}:{port}$" for host, port in (*reverse_targets, *addresses)]
    return {
        "mode": [listener.mode for listener in listeners],
        "confdir": str(confdir),
        # Only these are intercepted; all else passes as a blind tunnel.
        "allow_hosts": allowed,
        "show_ignored_hosts": False,
        # An upstream that cannot be reached must not stop a reroute, and is not contacted before the decision.
        "connection_strategy": "lazy",
        "upstream_cert": False,
        # Never pass a body unread, nor keep it.
        "stream_large_bodies": None,
        "body_size_limit": None,
        "store_streamed_bodies": False,
        "validate_inbound_headers": True,
        # The base-URL listener checks the client's Host header before it is rewritten.
        "keep_host_header": True,
        "websocket": True,  # read by our own layer, which passes nothing that was not let go
        "rawtcp": True,
        "http3": False,
        "onboarding": False,
        "block_global": False,
        "tcp_timeout": int(upstream_timeout_s),
        "ssl_verify_upstream_trusted_ca": str(upstream_roots) if upstream_roots else None,
        "proxyauth": f"@{htpasswd}" if htpasswd else None,
        "request_client_cert": client_certificates,
    }


def _host_pattern(host: str) -> str:
    """mitmproxy matches ``host:port`` with ``re.search``, ignoring case; a name may carry the root's dot."""
    if host.startswith("*."):
        return rf"^[^:]+\.{re.escape(host[2:])}\.?:\d+$"
    return rf"^{re.escape(host)}\.?:\d+$"


def build_master(settings: dict[str, Any], addon: object) -> DumpMaster:
    """A master that prints nothing, with the gateway as its last addon. Needs a running event loop."""
    http_stream.install()
    master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
    known = {name: value for name, value in settings.items() if name in master.options}
    master.options.update(**known)
    master.addons.add(addon)
    return master


def listening(master: DumpMaster) -> list[tuple[str, int]]:
    """Where the proxy listens, in the order of its modes."""
    servers = master.addons.get("proxyserver").servers
    found = []
    for spec in master.options.mode:
        for address in servers[mode_specs.ProxyMode.parse(spec)].listen_addrs:
            found.append((address[0], address[1]))
            break
    return found

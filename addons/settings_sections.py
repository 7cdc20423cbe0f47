"""The sections of ``coatcheck.yaml`` that belong to the gateway: listeners' access, limits, upstreams, on-prem targets.

Rules for this file: shapes and single values only; what two keys must agree on is in ``settings_checks.py``. The
docstrings under the fields are the published schema's descriptions. No I/O.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from addons.settings_aws import BEDROCK_HOSTS, Aws
from detectors.section import Section

HOST = re.compile(r"^(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*$")
Dialect = Literal[
    "openai",
    "anthropic",
    "openai.chat",
    "openai.responses",
    "openai.completions",
    "openai.embeddings",
    "anthropic.messages",
    "anthropic.count_tokens",
]
"""What an on-prem upstream may speak natively: all of a provider's API, or single endpoints."""


class Address(NamedTuple):
    """Where to listen or connect."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """True if only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(text: str) -> Address:
    """``127.0.0.1:8080``, ``[::1]:8080``, ``localhost:0``. Raises ValueError without quoting the text."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("should be HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080")
    if host.startswith("[") and host.endswith("]"):
        try:
            return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        except ValueError:
            raise ValueError("has no valid IPv6 address between the brackets") from None
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError("has no valid IPv4 address before the port") from None
    elif not HOST.fullmatch(host):
        raise ValueError("should be HOST:PORT; an IPv6 address needs brackets, and `*` is written 0.0.0.0")
    return Address(host, int(port))


def _address(text: str) -> str:
    parse_address(text)
    return text


def _host_name(text: str) -> str:
    name = text.lower().rstrip(".")
    bare = name.removeprefix("*.")
    if "://" in name or "/" in name:
        raise ValueError("should be a host name alone, without scheme and path")
    if not HOST.fullmatch(bare) or (name.startswith("*.") and "." not in bare):
        raise ValueError("should be a host name such as api.example.com or *.example.com")
    return name


def _base_url(text: str) -> str:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("is no valid URL") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("should be a URL such as http://127.0.0.1:8082")
    if url.username is not None or url.password is not None:
        raise ValueError("should hold no credentials; use `api_key_env` or `api_key_file`")
    if url.query or url.fragment or port == 0:
        raise ValueError("should hold no query, fragment or port 0")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    if not re.match(r"^(sqlite|postgresql)(\+[a-z0-9_]+)?://", text):
        raise ValueError(
            "should be a SQLAlchemy URL: sqlite:////var/lib/coatcheck/audit.db or postgresql+psycopg://user@host/name"
        )
    return text


def _origin(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.netloc or url.path or url.query:
        raise ValueError("should be an origin such as https://chat.example.com, without a path")
    return text.lower()


def _from_file(path: Path, info: ValidationInfo) -> Path:
    """Relative paths start at the configuration file's directory, as ``context["base"]`` says."""
    base = info.context.get("base") if isinstance(info.context, dict) else None
    path = path.expanduser()
    return path if base is None else Path(base) / path


ListenAddress = Annotated[str, AfterValidator(_address)]
HostName = Annotated[str, AfterValidator(_host_name)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Origin = Annotated[str, AfterValidator(_origin)]
FilePath = Annotated[Path, AfterValidator(_from_file)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


class Access(Section):
    """Who may use the gateway. On loopback nothing is needed; beyond it, one of the first three is."""

    proxy_auth: FilePath | None = None
    """An ``htpasswd`` file (bcrypt or SHA) with the users of the proxy."""
    client_ca: FilePath | None = None
    """PEM certificates: clients must show a TLS certificate that one of them signed."""
    allow_open: bool = False
    """Listen beyond loopback without either. Whoever reaches the port can then spend your keys."""
    allowed_origins: tuple[Origin, ...] = ()
    """Web pages' origins that may call the base-URL listener. Default: none."""
    allowed_hosts: tuple[HostName, ...] = ()
    """Names under which clients call the base-URL listener, besides loopback ones and those of ``listen``."""


class Limits(Section):
    """Beyond a limit a request is refused, and the refusal recorded."""

    body_bytes: Positive = 32 * 1024 * 1024
    """Largest request body, decoded."""
    response_bytes: Positive = 128 * 1024 * 1024
    """Largest reply, decoded; of a stream, the whole of it."""
    event_bytes: Positive = 16 * 1024 * 1024
    """Largest single event of a stream."""
    json_depth: Annotated[int, Field(ge=8, le=500)] = 128
    """Deepest nesting of JSON."""
    detect_ms: Positive = 10_000
    """Longest detection of one request, in milliseconds."""
    upstream_timeout_s: Seconds = 600.0
    """Longest silence of an upstream, in seconds."""
    drain_s: Annotated[float, Field(ge=0)] = 30.0
    """How long requests in flight may take to end after SIGTERM, in seconds."""


class Upstream(Section):
    """A commercial LLM API whose traffic is inspected."""

    provider: Literal["openai", "anthropic", "google", "mistral", "cohere", "ollama", "bedrock", "mcp", "generic"]
    """Which wire formats it speaks. ``mcp``: a remote MCP server. ``generic``: every text in a JSON body."""
    hosts: tuple[HostName, ...] = Field(min_length=1)
    """Hosts to intercept; ``*.example.com`` stands for all below example.com."""
    jurisdiction: str | None = None
    """Where the provider is, for rules: ``US``."""
    enabled: bool = True
    """``false``: pass its traffic through unread, as that of any other host."""
    websockets: Literal["allow", "refuse"] = "allow"
    """``refuse``: no websocket is opened to it; clients fall back to HTTP. What is not inspected always is."""
    ca_file: FilePath | None = None
    """PEM roots that may sign for this upstream, besides the public ones."""
    resolve_to: ListenAddress | None = None
    """Connect to HOST:PORT instead of asking DNS; the name in TLS and ``Host`` stays. For tests and private links."""
    aws: Aws | None = None
    """Keys to sign with, of an upstream that wants AWS signatures. Without them, what must be masked is refused there
    unless the caller uses a bearer key."""

    def serves(self, host: str) -> bool:
        """True if ``host`` (lower case, no port) is one of its hosts."""
        return any(
            host == name or (name.startswith("*.") and host.endswith(name[1:]) and host != name[2:])
            for name in self.hosts
        )


class OnPrem(Section):
    """An LLM server on the premises: where ``reroute`` leads, and nothing else does."""

    url: BaseUrl
    """Base URL without ``/v1``: ``http://127.0.0.1:8082``."""
    speaks: tuple[Dialect, ...] = Field(default=("openai", "anthropic"), min_length=1)
    """Which APIs it answers: all of ``openai`` or ``anthropic``, or single endpoints such as ``openai.chat``."""
    model: str | None = Field(default=None, min_length=1)
    """Model name to ask for. Default: the one that the client named."""
    api_key_env: str | None = Field(default=None, min_length=1)
    """Environment variable that holds the server's own key."""
    api_key_file: FilePath | None = None
    """File that holds the server's own key."""
    mask: bool = False
    """Send placeholders there too."""
    timeout_s: Seconds = 120.0
    """Longest silence of the server, in seconds."""
    ca_file: FilePath | None = None
    """PEM roots that may sign for an https server, besides the public ones."""
    health_path: str = Field(default="/v1/models", pattern=r"^/")
    """What the health probe asks for, below ``url``. Any answer below 500 means that it lives."""
    keep_fields: tuple[str, ...] = ()
    """Fields that this server does understand although rerouting drops them by default: ``thinking``."""


class Placeholders(Section):
    """How placeholders are made."""

    scope: Literal["principal"] = "principal"
    """Who shares placeholders: the same value has the same placeholder for one caller, and another for the next."""
    key_file: FilePath | None = None
    """The gateway's secret; made at first start. Default: ``key`` in ``state_dir``."""


class VaultSettings(Section):
    """What placeholders stand for where the provider keeps state: encrypted, in the audit database."""

    enabled: bool = True
    """``false``: requests that lean on stored responses or conversations are refused."""
    key_file: FilePath | None = None
    """Master keys, the one in force first; made at first start. Default: ``vault.key`` in ``state_dir``."""
    key_env: str | None = Field(default=None, min_length=1)
    """Environment variable that holds the master keys (64 hexadecimal digits each), in place of a file."""
    kms_command: tuple[str, ...] = ()
    """Command that wraps and unwraps data keys, in place of a file: ``wrap`` or ``unwrap``, base64 in and out."""
    kms_timeout_s: Seconds = 10.0
    """How long that command may take, in seconds."""
    ttl_days: Annotated[float, Field(gt=0, le=3650)] = 30.0
    """How long an object is kept after it was last added to, in days."""


VERTEX_REGIONS = (  # noqa: SIM905
    "us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4 northamerica-northeast1 "
    "northamerica-northeast2 southamerica-east1 southamerica-west1 europe-central2 europe-north1 europe-southwest1 "
    "europe-west1 europe-west2 europe-west3 europe-west4 europe-west6 europe-west8 europe-west9 europe-west12 "
    "asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2 asia-southeast1 "
    "asia-southeast2 australia-southeast1 australia-southeast2 me-central1 me-central2 me-west1 africa-south1"
).split()
"""Where Vertex AI serves models; https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations."""
VERTEX_HOSTS = [
    "aiplatform.googleapis.com",
    "aiplatform.us.rep.googleapis.com",
    "aiplatform.eu.rep.googleapis.com",
    *[f"{region}-aiplatform.googleapis.com" for region in VERTEX_REGIONS],
]
"""Vertex AI's names. ``*.googleapis.com`` would open traffic that is no LLM's, so each region is named."""

BUILT_IN_UPSTREAMS: dict[str, dict[str, object]] = {
    "openai": {"provider": "openai", "hosts": ["api.openai.com"], "jurisdiction": "US"},
    "anthropic": {"provider": "anthropic", "hosts": ["api.anthropic.com"], "jurisdiction": "US"},
    "azure-openai": {"provider": "openai", "hosts": ["*.openai.azure.com"]},
    "google": {"provider": "google", "hosts": ["generativelanguage.googleapis.com"], "jurisdiction": "US"},
    "vertex": {"provider": "google", "hosts": VERTEX_HOSTS},
    "mistral": {"provider": "mistral", "hosts": ["api.mistral.ai", "codestral.mistral.ai"], "jurisdiction": "FR"},
    "cohere": {"provider": "cohere", "hosts": ["api.cohere.com", "api.cohere.ai"], "jurisdiction": "CA"},
    "ollama": {"provider": "ollama", "hosts": ["ollama.com"], "jurisdiction": "US"},
    "bedrock": {"provider": "bedrock", "hosts": BEDROCK_HOSTS},
    "deepseek": {"provider": "openai", "hosts": ["api.deepseek.com"], "jurisdiction": "CN"},
}
"""In force unless the file says otherwise; a file's entry of the same name is laid over it key by key."""


def built_in_upstreams() -> dict[str, Upstream]:
    """The built-in table as settings."""
    return {name: Upstream.model_validate(entry) for name, entry in BUILT_IN_UPSTREAMS.items()}

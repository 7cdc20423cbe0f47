"""What is recorded: a *decision* before the first byte leaves, an *outcome* after the last.

Plain values, no database. No field may hold a raw value, a header value or an exception's message.
Field names follow DESIGN.md, OCSF's API Activity and OpenTelemetry's GenAI conventions where these have one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """What one recognizer found of one entity in one segment: counts and fingerprints, never values."""

    entity: str
    recognizer: str
    count: int
    max_score: float
    role: str
    """Segment role: ``system``, ``user``, ``assistant``, ``tool``, ``schema``, ``metadata``."""
    path: str
    """JSON path template with indices replaced, e.g. ``$.messages[*].content``."""
    action: str
    """What policy says of it: ``allow``, ``mask``, ``reroute``, ``block``."""
    fingerprints: Sequence[str] = ()
    """HMACs of the distinct values: ask "the same person again?" without knowing who."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One request, judged. Durable before anything of it goes upstream."""

    id: str
    """UUIDv7."""
    time: dt.datetime
    """UTC, timezone-aware."""
    tenant: str
    principal: str
    """Keyed fingerprint of the caller's credential, or ``anonymous``."""
    upstream: str
    endpoint: str
    action: str
    """``allow`` (untouched), ``mask``, ``reroute`` or ``block``: what was done."""
    rule: str
    """Name of the rule that decided."""
    reason: str
    """Stable code plus context without data: ``entity:CREDIT_CARD``, ``unreadable:image``, ``error:malformed_json``."""
    route: str | None
    """Name of the upstream that the request goes to; None where nothing goes out."""
    mode: str = "enforce"
    """``enforce`` or ``observe``."""
    would_action: str | None = None
    """In observe mode: what enforce would have done."""
    client_address: str | None = None
    proxy_user: str | None = None
    process: str | None = None
    """The gateway process: ``host/pid``."""
    server_address: str | None = None
    """Destination ``host:port`` as the client asked for it."""
    http_method: str | None = None
    model: str | None = None
    """The model asked for, if it is a plain model name."""
    stream: bool = False
    request_bytes: int = 0
    segments: int = 0
    placeholders: int = 0
    """Distinct placeholders sent."""
    policy_hash: str = ""
    detector_version: str = ""
    detect_ms: float = 0.0
    total_ms: float = 0.0
    """From a whole request to its decision, in milliseconds."""
    destination_country: str | None = None
    """Jurisdiction of where it goes (``US``); None where nothing goes out or it is not known."""
    provider: str | None = None
    """OpenTelemetry's ``gen_ai.provider.name`` of where it goes, or would have gone: ``openai``, ``gcp.gemini``."""
    operation: str | None = None
    """OpenTelemetry's ``gen_ai.operation.name``: ``chat``, ``embeddings``, ``text_completion``, ..."""
    time_source: str = "unknown"
    """How the clock is kept: ``ntp`` (the kernel says that it is synchronized), ``unsynchronized``, ``unknown``."""
    model_version: str = ""
    """Name and content hash of the NER model; empty where none is used."""
    shape: str = "[]"
    """The request without its text, as canonical JSON: ``[[path template, role, segments, characters], ...]``."""
    user_agent_family: str | None = None
    """The SDK that called, of a closed list, else ``other``; None where no ``User-Agent`` came."""
    findings: Sequence[Finding] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the request of a decision ended."""

    decision_id: str
    time: dt.datetime
    status: int | None
    """HTTP status that the client got; None if the connection died before one."""
    error: str | None = None
    """Stable code: ``upstream_disconnected``, ``client_disconnected``, ``broken_stream``, ...; None if it went well."""
    complete: bool = True
    response_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    placeholders_seen: int = 0
    """Placeholders of this flow in the reply, repeats counted."""
    placeholders_restored: int = 0
    placeholders_unknown: int = 0
    """Look like placeholders (the check character fits) and are not this flow's."""
    placeholders_mangled: int = 0
    """Restored only thanks to tolerant matching (case, spaces, escapes)."""
    response_bytes: int = 0
    upstream_ms: float | None = None
    """Request sent to last byte received."""
    first_byte_ms: float | None = None
    placeholders_withheld: int = 0
    """Seen and not restored because of where they stand: the rules against exfiltration."""
    response_findings: str = "[]"
    """What the reply held of its own and the policy let not pass, as canonical JSON:
    ``[[entity, recognizer, action, distinct values], ...]``."""
    finish_reason: str | None = None
    """Why the model stopped, a plain word of a closed list, else ``other``."""
    cost: float | None = None
    """Tokens by the configured prices, in ``currency``; None where tokens or prices are not known."""
    currency: str | None = None
    """ISO 4217: ``USD``."""
    restore_ms: float | None = None
    """Restoring and judging the reply, in milliseconds; None where it passed untouched or none came."""
    gateway_ms: float | None = None
    """What the gateway itself added in all: until the request was sent, and on the reply; None if it was not sent."""


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy, before the first decision under it: what `Decision.policy_hash` means."""

    id: str
    """UUIDv7."""
    time: dt.datetime
    """First seen; UTC, timezone-aware."""
    tenant: str
    hash: str
    """SHA-256 (hex) over the policy section in full: `Decision.policy_hash`."""
    policy: str
    """The section as canonical JSON; entries of its allow-list, which may be data, are counted and not named."""

"""Headers, query and path: the text in a request that is not in its body.

May import ``types`` and ``rules`` of this room only. A header is text unless it is on the list of those that a client
or the protocol fills by itself; a query parameter is text; a path segment is text if it is no plain identifier.
Credentials never become segments: they are for the provider, and nobody else may see them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from addons.wire.rules import is_plain, is_plain_key
from addons.wire.types import Place, Segment

type Headers = Sequence[tuple[str, str]]

CREDENTIALS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "cookie",
        "set-cookie",
        "ocp-apim-subscription-key",
    }
)
"""Headers that hold secrets for the provider. Never segments."""
CREDENTIAL_PARAMETERS = frozenset({"key", "api_key", "api-key", "access_token", "sig", "signature", "token"})
"""Query parameters that hold secrets for the provider. Never segments."""
SAFE_PARAMETERS = frozenset({"api-version", "limit", "after", "before", "order", "beta", "stream", "alt", "include"})
"""Query parameters of the APIs: their values are not segments while they look as such values do."""

SAFE = frozenset(
    {
        *"""host content-type content-length content-encoding transfer-encoding connection keep-alive te trailer upgrade
        accept accept-encoding accept-language accept-charset user-agent date expect cache-control pragma origin
        sec-fetch-mode sec-fetch-site sec-fetch-dest sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform dnt priority
        traceparent if-none-match if-match idempotency-key range content-md5 content-digest
        openai-organization openai-project openai-beta openai-version
        anthropic-version anthropic-beta anthropic-dangerous-direct-browser-access
        x-stainless-lang x-stainless-package-version x-stainless-os x-stainless-arch x-stainless-runtime
        x-stainless-runtime-version x-stainless-async x-stainless-retry-count x-stainless-timeout
        x-stainless-read-timeout x-stainless-raw-response x-stainless-helper x-stainless-helper-method
        x-stainless-poll-helper x-stainless-custom-poll-interval x-should-retry
        x-amz-date x-amz-content-sha256 x-amz-user-agent amz-sdk-invocation-id amz-sdk-request x-amzn-trace-id
        x-amzn-bedrock-accept x-amzn-bedrock-trace x-amzn-bedrock-guardrailidentifier x-amzn-bedrock-guardrailversion
        x-amzn-bedrock-performanceconfig-latency x-amzn-bedrock-service-tier
        mcp-session-id mcp-protocol-version mcp-method last-event-id""".split()  # noqa: SIM905
    }
)
"""Headers of the protocol and the SDKs: their values are not segments while they look as such values do."""
_TEXT_IN_SAFE = re.compile(r"[^\x00-\x7f]|\S@\S|\d{9,}")
_LENIENT_SAFE = frozenset(
    {
        *("traceparent", "idempotency-key", "content-md5", "content-digest", "content-length"),
        *("x-amz-date", "x-amz-content-sha256", "amz-sdk-invocation-id", "x-amzn-trace-id"),
        *("mcp-session-id", "last-event-id"),
    }
)
_MCP_TOOL = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[\w./-]{1,128}\Z", re.ASCII)
_MCP_BASE64 = re.compile(r"=\?base64\?([A-Za-z0-9+/]*={0,2})\?=\Z", re.ASCII)
"""How MCP mirrors what is no plain ASCII of a body in the headers ``mcp-name`` and ``mcp-param-*`` (SEP-2243)."""


@dataclass(frozen=True, slots=True)
class _Header:
    index: int
    encoded: bool = False
    """The value is in MCP's base64."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    index: int
    name: bool
    """The parameter's name is the segment, not its value."""


@dataclass(frozen=True, slots=True)
class _PathPart:
    index: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """The text-bearing parts of a request's head."""

    headers: Headers
    target: str
    """Path and query as on the request line."""
    segments: Sequence[Segment]
    _places: Sequence[_Header | _Parameter | _PathPart]

    def encode(self, texts: Mapping[int, str]) -> tuple[str, Headers]:
        """Target and headers with segment i's text replaced by ``texts[i]``; what is not replaced stays as it was."""
        headers = list(self.headers)
        path, mark, query = self.target.partition("?")
        parts, pairs = path.split("/"), query.split("&")
        for i, text in texts.items():
            if text == self.segments[i].text:
                continue
            place = self._places[i]
            if isinstance(place, _Header):
                name = headers[place.index][0]
                written = _mcp_encoded(text) if place.encoded else text.replace("\r", " ").replace("\n", " ")
                headers[place.index] = (name, written)
            elif isinstance(place, _PathPart):
                parts[place.index] = quote(text, safe="")
            else:
                name, equals, value = pairs[place.index].partition("=")
                new = quote_plus(text.encode("utf-8", "surrogateescape"))
                pairs[place.index] = new + equals + value if place.name else name + equals + new
        return "/".join(parts) + mark + "&".join(pairs), headers


def read_metadata(headers: Headers, target: str, *, free_path: bool = True) -> Metadata:
    """Find the text in headers and in a request target (origin form).

    ``free_path`` False for an endpoint whose path a table knows: then only its query is read. Paths of the segments
    are ``header:NAME``, ``query:NAME`` and ``path[i]``; a name that may be data is given by position, ``~i``.
    """
    segments: list[Segment] = []
    places: list[_Header | _Parameter | _PathPart] = []
    for i, (name, value) in enumerate(headers):
        lower = name.lower()
        if lower in CREDENTIALS or not value:
            continue
        if lower in SAFE and (lower in _LENIENT_SAFE or not _TEXT_IN_SAFE.search(value)):
            continue
        if lower == "mcp-name" and _MCP_TOOL.match(value) and is_plain(value):
            continue
        decoded = _mcp_decoded(value) if lower.startswith("mcp-") else None
        plain = is_plain(lower)
        label = lower if plain else f"~{i}"
        shown = value if decoded is None else decoded
        segments.append(Segment(f"header:{label}", "metadata", shown, context=_context(lower)))
        places.append(_Header(i, encoded=decoded is not None))
    path, _, query = target.partition("?")
    for i, part in enumerate(path.split("/")) if free_path else ():
        text = unquote(part, errors="surrogateescape")
        if not is_plain(text):
            segments.append(Segment(f"path[{i}]", "metadata", text))
            places.append(_PathPart(i))
    for i, pair in enumerate(query.split("&") if query else ()):
        raw_name, _, raw_value = pair.partition("=")
        name = unquote_plus(raw_name, errors="surrogateescape")
        value = unquote_plus(raw_value, errors="surrogateescape")
        label = name if is_plain_key(name) else f"~{i}"
        if name and not is_plain_key(name):
            segments.append(Segment(f"query:{label}~key", "metadata", name, Place.KEY))
            places.append(_Parameter(i, name=True))
        if name in SAFE_PARAMETERS and len(value) <= 64 and not _TEXT_IN_SAFE.search(value):
            continue
        if value and name.lower() not in CREDENTIAL_PARAMETERS:
            segments.append(Segment(f"query:{label}", "metadata", value, context=_context(name)))
            places.append(_Parameter(i, name=False))
    return Metadata(tuple(headers), target, tuple(segments), tuple(places))


def _context(name: str) -> str:
    return name if is_plain_key(name) else ""


def _mcp_decoded(value: str) -> str | None:
    found = _MCP_BASE64.match(value)
    try:
        return base64.b64decode(found[1], validate=True).decode("utf-8") if found is not None else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mcp_encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode('ascii')}?="
